//! The frame around the generated code.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;

/// Wraps generated impls:
///
/// ```text
/// #[allow(…)]
/// const _: () = {
///     use ::annalist::__private as __annalist;
///     …
/// };
/// ```
///
/// Everything that the impls need is reached through `__annalist`, so that names in the user's module cannot interfere, and
/// a wrong `crate = path` is one error, at the path.
fn wrap(krate: Option<&Path>, impls: TokenStream) -> TokenStream {
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

/// The impls of a checked item; for an item with mistakes, the errors and a stub.
pub(crate) fn generate<Model>(
    krate: Option<&Path>,
    checked: Result<Model, TokenStream>,
    expand: impl FnOnce(&Model) -> TokenStream,
    stub: impl FnOnce() -> TokenStream,
) -> TokenStream {
    match checked {
        Ok(model) => wrap(krate, expand(&model)),
        Err(errors) => {
            let stub = wrap(krate, stub());
            quote!(#errors #stub)
        }
    }
}

/// The span for generated tokens: errors are shown there, and local names cannot collide with names of the user.
pub(crate) fn at(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// Tokens formatted as in source code, for messages.
pub(crate) fn source_text(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in
        [(" :: ", "::"), (":: ", "::"), (" < ", "<"), (" >", ">"), (" ,", ","), ("& ", "&")]
    {
        text = text.replace(spaced, tight);
    }
    text
}

/// The body of the methods of a stub, which exists so that a mistake in an attribute does not also cause errors about
/// missing impls.
pub(crate) fn stub_body(span: Span) -> TokenStream {
    quote_spanned!(at(span)=> __annalist::std::unimplemented!())
}
