//! `#[derive(Id)]`.

mod check;
mod expand;
mod model;
mod parse;
mod stub;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::shared::{Errors, generate};

pub(crate) fn derive(item: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let raw = parse::read(item, &errors);
    let id = check::check(item, &raw, &errors);
    generate(item, raw.krate.get(), errors.check(id), expand::id, || stub::id(item))
}
