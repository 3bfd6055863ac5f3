//! Serialization of the id: the wrapped value alone.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::{Id, at, derived_at, inner_span};

/// ```text
/// impl Serialize for AccountId {
///     fn serialize<__S: Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
///         <Uuid as Serialize>::serialize(&self.0, serializer)
///     }
/// }
///
/// impl<'de> Deserialize<'de> for AccountId {
///     fn deserialize<__D: Deserializer<'de>>(deserializer: __D) -> Result<Self, __D::Error> {
///         Result::map(<Uuid as Deserialize<'de>>::deserialize(deserializer), Self)
///     }
/// }
/// ```
///
/// For an id that is personal the lines are `write_secret_id(self, &self.0, serializer)` and
/// `Result::map(read_secret_id::<Uuid, __D>(deserializer), Self)`.
pub(super) fn impls(id: &Id<'_>) -> TokenStream {
    let Id { ident, inner, .. } = id;
    // Next to a derived `Serialize` the compiler shows `Id` as the other implementation.
    let span = Span::call_site();
    let ident = derived_at(ident, span);
    let serialize = quote_spanned!(at(span)=> impl __annalist::serde::Serialize for #ident);
    let deserialize = quote_spanned!(at(span)=> impl<'de> __annalist::serde::Deserialize<'de> for #ident);
    let span = inner_span(id);
    let (write, read) = match id.secret {
        None => (
            quote_spanned!(span=> <#inner as __annalist::serde::Serialize>::serialize(&self.0, serializer)),
            quote_spanned!(span=> <#inner as __annalist::serde::Deserialize<'de>>::deserialize(deserializer)),
        ),
        Some(_) => (
            quote_spanned!(span=> __annalist::write_secret_id(self, &self.0, serializer)),
            quote_spanned!(span=> __annalist::read_secret_id::<#inner, __D>(deserializer)),
        ),
    };
    quote_spanned! {inner_span(id)=>
        #[automatically_derived]
        #serialize {
            fn serialize<__S: __annalist::serde::Serializer>(
                &self,
                serializer: __S,
            ) -> __annalist::std::result::Result<__S::Ok, __S::Error> {
                #write
            }
        }

        #[automatically_derived]
        #deserialize {
            fn deserialize<__D: __annalist::serde::Deserializer<'de>>(
                deserializer: __D,
            ) -> __annalist::std::result::Result<Self, __D::Error> {
                __annalist::std::result::Result::map(#read, Self)
            }
        }
    }
}
