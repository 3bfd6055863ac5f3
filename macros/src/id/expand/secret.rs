//! What an id has that is personal.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::{Id, at, derived_at};
use crate::id::model::AfterForget;

/// `const SECRET: Option<AfterForget> = Some(AfterForget::StaysTaken);`
pub(super) fn constant(id: &Id<'_>) -> Option<TokenStream> {
    let span = at(id.ident.span());
    let after = match id.secret? {
        AfterForget::StaysTaken => quote_spanned!(span=> StaysTaken),
        AfterForget::Free => quote_spanned!(span=> Free),
    };
    Some(quote_spanned! {span=>
        const SECRET: __annalist::std::option::Option<__annalist::AfterForget> =
            __annalist::std::option::Option::Some(__annalist::AfterForget::#after);
    })
}

/// `Debug`, which does not show the id.
///
/// ```text
/// impl Debug for Email {
///     fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
///         Formatter::write_str(formatter, "Email(…)")
///     }
/// }
/// ```
pub(super) fn debug(id: &Id<'_>) -> Option<TokenStream> {
    id.secret?;
    // Next to a derived `Debug` the compiler shows `Id` as the other implementation.
    let (ident, text) = (derived_at(id.ident, Span::call_site()), format!("{}(…)", id.ident));
    let implementation = quote_spanned!(at(Span::call_site())=> impl __annalist::std::fmt::Debug for #ident);
    Some(quote_spanned! {at(id.ident.span())=>
        #[automatically_derived]
        #implementation {
            fn fmt(
                &self,
                formatter: &mut __annalist::std::fmt::Formatter<'_>,
            ) -> __annalist::std::fmt::Result {
                __annalist::std::fmt::Formatter::write_str(formatter, #text)
            }
        }
    })
}
