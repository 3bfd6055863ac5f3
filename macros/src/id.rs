//! `#[derive(Id)]`.

mod check;
mod expand;
mod model;
mod parse;
mod stub;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::shared::{Errors, wrap};

pub(crate) fn derive(item: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let raw = parse::read(item, &errors);
    let id = check::check(item, &raw, &errors);
    let krate = raw.krate.get();
    match errors.check(id) {
        Ok(id) => wrap(krate, expand::id(&id)),
        Err(errors) => {
            let stub = wrap(krate, stub::id(item));
            quote::quote!(#errors #stub)
        }
    }
}
