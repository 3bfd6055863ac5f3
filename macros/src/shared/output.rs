//! The frame around what the derives generate.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;

/// What generates
///
/// ```text
/// #[allow(…)]
/// const _: () = {
///     use ::annalist::__private as __annalist;
///     …
/// };
/// ```
///
/// Inside, `__annalist` leads to everything that the impls need, so that no name of the user's module can get in
/// between; and a wrong `crate = path` is one error, at the path.
pub(crate) fn wrap(krate: Option<&Path>, impls: TokenStream) -> TokenStream {
    let krate = match krate {
        Some(path) => quote!(#path),
        None => quote!(::annalist),
    };
    quote! {
        #[allow(deprecated, unused_qualifications)]
        const _: () = {
            use #krate::__private as __annalist;
            #impls
        };
    }
}

/// A place for generated tokens: errors are shown there, local names stay ours.
pub(crate) fn at(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// Tokens as people write them, for messages.
pub(crate) fn shown(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in
        [(" :: ", "::"), (":: ", "::"), (" < ", "<"), (" >", ">"), (" ,", ","), ("& ", "&")]
    {
        text = text.replace(spaced, tight);
    }
    text
}

/// The body of a method that exists only so that a mistake in an attribute is not followed by missing impls.
pub(crate) fn stub_body(span: Span) -> TokenStream {
    quote_spanned!(at(span)=> __annalist::std::unimplemented!())
}
