//! `#[derive(Field)]`.

mod check;
mod expand;
mod model;
mod parse;
mod rename;
mod stub;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::shared::{Errors, generate};

pub(crate) fn derive(item: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let raw = parse::read(item, &errors);
    let field = check::check(item, &raw, &errors);
    generate(item, raw.attribute.krate.get(), errors.check(field), expand::field, || stub::field(item))
}
