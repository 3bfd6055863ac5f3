//! The id as text, which is the second half of its tag.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use syn::spanned::Spanned;

use super::{Id, at, derived, inner_span};

/// ```text
/// impl Display for AccountId {
///     fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
///         <Uuid as Display>::fmt(&self.0, formatter)
///     }
/// }
///
/// impl FromStr for AccountId {
///     type Err = <Uuid as FromStr>::Err;
///     fn from_str(text: &str) -> Result<Self, <Self as FromStr>::Err> {
///         Result::map(<Uuid as FromStr>::from_str(text), Self)
///     }
/// }
/// ```
pub(super) fn impls(id: &Id<'_>) -> TokenStream {
    let Id { ident, inner, .. } = id;
    let ident = derived(ident);
    let error = quote_spanned!(at(inner.span())=> type Err = <#inner as __annalist::std::str::FromStr>::Err;);
    let result = quote_spanned!(at(inner.span())=> <Self as __annalist::std::str::FromStr>::Err);
    quote_spanned! {inner_span(id)=>
        #[automatically_derived]
        impl __annalist::std::fmt::Display for #ident {
            fn fmt(
                &self,
                formatter: &mut __annalist::std::fmt::Formatter<'_>,
            ) -> __annalist::std::fmt::Result {
                <#inner as __annalist::std::fmt::Display>::fmt(&self.0, formatter)
            }
        }

        #[automatically_derived]
        impl __annalist::std::str::FromStr for #ident {
            #error

            fn from_str(
                text: &__annalist::std::primitive::str,
            ) -> __annalist::std::result::Result<Self, #result> {
                __annalist::std::result::Result::map(
                    <#inner as __annalist::std::str::FromStr>::from_str(text),
                    Self,
                )
            }
        }
    }
}
