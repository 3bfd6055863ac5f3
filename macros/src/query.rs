//! `#[derive(Query)]`.

mod check;
mod expand;
mod model;
mod parse;
mod stub;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::shared::{Errors, wrap};

pub(crate) fn derive(item: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let raw = parse::read(item, &errors);
    let query = check::check(item, &raw, &errors);
    let krate = raw.attribute.krate.get();
    match errors.check(query) {
        Ok(query) => wrap(krate, expand::query(&query)),
        Err(errors) => {
            let stub = wrap(krate, stub::query(item, &raw));
            quote!(#errors #stub)
        }
    }
}
