//! `#[derive(Policy)]`.

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
    let policy = check::check(item, &raw, &errors);
    let krate = raw.krate.get();
    match errors.check(policy) {
        Ok(policy) => wrap(krate, expand::policy(&policy)),
        Err(errors) => {
            let stub = wrap(krate, stub::policy(item));
            quote!(#errors #stub)
        }
    }
}
