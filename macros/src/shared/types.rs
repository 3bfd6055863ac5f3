//! Types of the user as they are written.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Fields, GenericArgument, Generics, Ident, PathArguments, Type};

use super::{Errors, source_text};

/// The type without parentheses and without the invisible group in which a type arrives from `macro_rules!`.
fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}

/// The last name of the path of a type: `Option` of `std::option::Option<u8>`.
pub(crate) fn type_name(ty: &Type) -> Option<&Ident> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
        _ => None,
    }
}

/// The type inside an `Option`.
pub(crate) fn option_inner(ty: &Type) -> Option<&Type> {
    argument(ty, "Option")
}

/// The type inside a `Vec`.
pub(crate) fn list_inner(ty: &Type) -> Option<&Type> {
    argument(ty, "Vec")
}

/// The only type argument of a type with this name.
fn argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = peel(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match (arguments.args.first(), arguments.args.len()) {
        (Some(GenericArgument::Type(inner)), 1) => Some(inner),
        _ => None,
    }
}

/// Whether a field only uses a type parameter.
pub(crate) fn is_marker(ty: &Type) -> bool {
    type_name(ty).is_some_and(|name| name == "PhantomData")
}

/// Reports fields with references: what is stored is read back, and owns its data.
pub(crate) fn refuse_references(generics: &Generics, fields: &Fields, what: &str, errors: &Errors) {
    if generics.lifetimes().next().is_some() {
        // Reported where the lifetime is declared.
        return;
    }
    let fields = fields.iter().map(|field| &field.ty).filter(|ty| !is_marker(ty));
    for ty in fields.filter(|ty| has_reference(ty.to_token_stream())) {
        let owned = source_text(ty).replace("&'static str", "String");
        let advice = match owned.contains('&') {
            true => "replace the reference by an owned type, such as `String`".to_owned(),
            false => format!("write `{owned}`"),
        };
        errors.at(ty, format_args!("{what} cannot borrow: {advice}"));
    }
}

fn has_reference(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == '&',
        TokenTree::Group(group) => has_reference(group.stream()),
        _ => false,
    })
}
