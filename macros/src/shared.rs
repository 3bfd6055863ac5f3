//! Code shared by the derives.

mod asserts;
mod attribute;
mod errors;
mod generics;
mod key;
mod names;
mod on;
mod output;
mod secret;
mod slot;
mod suggest;
mod types;

use proc_macro2::TokenStream;
use syn::DeriveInput;

pub(crate) use self::{
    asserts::{inline_asserts, item_asserts},
    attribute::{KeyTable, refuse_misplaced},
    errors::Errors,
    generics::{is_generic, mentions, refuse_lifetimes, refuse_parameters, send_sync_static, where_clause},
    key::{Key, last_span, parse_all, parse_one, skip_to_comma},
    names::{
        Case, check_command_name, check_event_name, check_kind, check_policy_name, check_projection_name,
        check_snapshot_name, in_case, kind_fault, word_fault,
    },
    on::{On, assert_distinct},
    output::{at, derived, derived_at, generate, schema, source_text, stub_body},
    secret::{SecretField, add_secrets, secret_fields, secret_of_a_row, secret_pattern},
    slot::{Slot, positive},
    suggest::nearest,
    types::{is_marker, list_inner, option_inner, refuse_references, type_name},
};

/// Parses the item and calls a derive with it.
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
