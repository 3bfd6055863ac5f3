//! Type parameters of the user's item.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Generics, ext::IdentExt};

use super::Errors;

/// The user's `where` clause with more predicates. They are added to generic items only: of a concrete type they
/// would say what the impl says already, and a broken one would be reported twice.
pub(crate) fn where_clause(generics: &Generics, more: &[TokenStream]) -> TokenStream {
    let given = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let more = more.iter().filter(|_| is_generic(generics));
    let mut predicates = given.map(ToTokens::to_token_stream).chain(more.cloned()).peekable();
    match predicates.peek() {
        Some(_) => quote!(where #(#predicates),*),
        None => TokenStream::new(),
    }
}

/// Whether the item has parameters.
pub(crate) fn is_generic(generics: &Generics) -> bool {
    !generics.params.is_empty()
}

/// Whether tokens name a type parameter of the item.
pub(crate) fn mentions(generics: &Generics, tokens: impl ToTokens) -> bool {
    tokens.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => generics.type_params().any(|parameter| parameter.ident == ident),
        TokenTree::Group(group) => mentions(generics, group.stream()),
        _ => false,
    })
}

/// Reports lifetime parameters: what is stored or sent owns its data.
pub(crate) fn refuse_lifetimes(generics: &Generics, what: &str, errors: &Errors) {
    for parameter in generics.lifetimes() {
        let name = parameter.lifetime.ident.unraw();
        errors.at(
            &parameter.lifetime,
            format_args!(
                "{what} owns its data: replace what borrows for `'{name}` by owned types, such as `String`"
            ),
        );
    }
}

/// Reports parameters of any kind.
pub(crate) fn refuse_parameters(generics: &Generics, why: &str, errors: &Errors) {
    if !generics.params.is_empty() {
        errors.at(&generics.params, why);
    }
}
