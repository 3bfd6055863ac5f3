//! Type parameters of the user's item.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Generics, ext::IdentExt};

use super::Errors;

/// The user's `where` clause with more predicates. Only generic items get them: for a concrete type the compiler checks
/// the same in the impl, and would report a broken predicate twice.
pub(crate) fn where_clause(generics: &Generics, more: &[TokenStream]) -> TokenStream {
    let given = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let more = more.iter().filter(|_| is_generic(generics));
    let mut predicates = given.map(ToTokens::to_token_stream).chain(more.cloned()).peekable();
    match predicates.peek() {
        Some(_) => quote!(where #(#predicates),*),
        None => TokenStream::new(),
    }
}

/// `Self: Send + Sync + 'static`
pub(crate) fn send_sync_static() -> TokenStream {
    quote!(Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static)
}

/// Whether the item has generic parameters.
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

/// Reports lifetime parameters: items that are stored or sent own their data.
pub(crate) fn refuse_lifetimes(generics: &Generics, what: &str, errors: &Errors) {
    for parameter in generics.lifetimes() {
        let name = parameter.lifetime.ident.unraw();
        errors.at(
            &parameter.lifetime,
            format_args!(
                "{what} cannot borrow: replace types with the lifetime `'{name}` by owned types, such as `String`"
            ),
        );
    }
}

/// Reports generic parameters of any kind.
pub(crate) fn refuse_parameters(generics: &Generics, why: &str, errors: &Errors) {
    if !generics.params.is_empty() {
        errors.at(&generics.params, why);
    }
}
