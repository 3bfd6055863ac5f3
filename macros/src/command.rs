//! `#[derive(Command)]`.

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
    let command = check::check(item, &raw, &errors);
    generate(item, raw.attribute.krate.get(), errors.check(command), expand::command, || {
        stub::command(item, &raw)
    })
}
