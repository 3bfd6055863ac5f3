//! What the derives have in common.

mod attribute;
mod errors;
mod generics;
mod key;
mod names;
mod on;
mod output;
mod slot;
mod suggest;

use proc_macro2::TokenStream;
use syn::DeriveInput;

pub(crate) use self::{
    attribute::{Table, misplaced},
    errors::Errors,
    generics::{is_generic, mentions, refuse_lifetimes, refuse_parameters, where_clause},
    key::{Key, all, last_span, one, skip_to_comma},
    names::{
        Case, check_command_name, check_event_name, check_kind, check_policy_name, check_projection_name,
        in_case, kind_fault, word_fault,
    },
    on::{On, distinct},
    output::{at, shown, stub_body, wrap},
    slot::Slot,
    suggest::nearest,
};

/// Parses the item and hands it to a derive.
pub(crate) fn run(
    input: proc_macro::TokenStream,
    derive: fn(&DeriveInput) -> TokenStream,
) -> proc_macro::TokenStream {
    match syn::parse::<DeriveInput>(input) {
        Ok(item) => derive(&item),
        Err(error) => error.to_compile_error(),
    }
    .into()
}
