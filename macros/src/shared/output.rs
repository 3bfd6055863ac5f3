//! The frame around the generated code.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Data, DeriveInput, Field, Ident, Path};

/// Wraps generated impls:
///
/// ```text
/// const _: () = {
///     use ::annalist::__private as __annalist;
///     …
/// };
/// ```
///
/// Everything that the impls need is reached through `__annalist`, so that names in the user's module cannot interfere, and
/// a wrong `crate = path` is one error, at the path.
///
/// Generated code allows no lint of its own, because `#[allow]` is an error in a crate that forbids the lint. Only
/// `deprecated` is allowed, where the user has allowed it for the item or a part of it.
fn wrap(item: &DeriveInput, krate: Option<&Path>, impls: TokenStream) -> TokenStream {
    let krate = match krate {
        Some(path) => quote!(#path),
        None => quote!(::annalist),
    };
    let allow = allows_deprecated(item).then(|| quote!(#[allow(deprecated)]));
    quote! {
        #allow
        const _: () = {
            use #krate::__private as __annalist;
            #impls
        };
    }
}

/// The impls of a checked item; for an item with mistakes, the errors and a stub.
pub(crate) fn generate<Model>(
    item: &DeriveInput,
    krate: Option<&Path>,
    checked: Result<Model, TokenStream>,
    expand: impl FnOnce(&Model) -> TokenStream,
    stub: impl FnOnce() -> TokenStream,
) -> TokenStream {
    match checked {
        Ok(model) => wrap(item, krate, expand(&model)),
        Err(errors) => {
            let stub = wrap(item, krate, stub());
            quote!(#errors #stub)
        }
    }
}

/// The span for generated tokens: errors are shown there, and local names cannot collide with names of the user.
pub(crate) fn at(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// Whether the user allows or expects deprecated types in the item, one of its variants or one of its fields: the generated code
/// names them again.
fn allows_deprecated(item: &DeriveInput) -> bool {
    let of_field = |field: &Field| allow_deprecated(&field.attrs);
    allow_deprecated(&item.attrs)
        || match &item.data {
            Data::Struct(data) => data.fields.iter().any(of_field),
            Data::Enum(data) => data
                .variants
                .iter()
                .any(|variant| allow_deprecated(&variant.attrs) || variant.fields.iter().any(of_field)),
            Data::Union(_) => false,
        }
}

fn allow_deprecated(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        (path.is_ident("allow") || path.is_ident("expect"))
            && attribute.meta.require_list().is_ok_and(|list| {
                let mut tokens = list.tokens.clone().into_iter();
                tokens.any(|token| matches!(token, TokenTree::Ident(lint) if lint == "deprecated"))
            })
    })
}

/// The name of the user's item, variant or field as a token of the derive, at its place: the compiler does not report that
/// generated code uses something deprecated.
pub(crate) fn derived(ident: &Ident) -> Ident {
    derived_at(ident, ident.span())
}

/// [`derived`], at another place.
pub(crate) fn derived_at(ident: &Ident, span: Span) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(at(span));
    ident
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

/// The JSON Schema of `Self`, if it has one:
///
/// ```text
/// {
///     use NoSchema as _;
///     SchemaOf::<Self>::__ANNALIST_SCHEMA
/// }
/// ```
///
/// A type that implements `JsonSchema` has a constant of its own; every other takes that of `NoSchema`.
pub(crate) fn schema(span: Span) -> TokenStream {
    quote_spanned! {span=>
        {
            use __annalist::NoSchema as _;
            __annalist::SchemaOf::<Self>::__ANNALIST_SCHEMA
        }
    }
}

/// The body of the methods of a stub, which exists so that a mistake in an attribute does not also cause errors about
/// missing impls.
pub(crate) fn stub_body(span: Span) -> TokenStream {
    quote_spanned!(at(span)=> __annalist::std::unimplemented!())
}
