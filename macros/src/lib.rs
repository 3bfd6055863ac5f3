//! The derives of Annalist. Use them through the `annalist` crate, which re-exports them.
//!
//! Every derive is a folder with the same steps: `parse` reads the item and its attributes, `check` turns them into the
//! `model` of a correct item or reports every mistake, and `expand` writes the impl, which only calls ordinary functions
//! of the core. For an item with a mistake, `stub` writes an impl without behaviour, so that the mistake is the only error.
//! The files in `expansions/` show what every derive generates, those in `docs/` are its documentation.

mod aggregate;
mod command;
mod event;
mod field;
mod id;
mod policy;
mod projection;
mod query;
mod shared;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/id.md")]
#[proc_macro_derive(Id, attributes(id))]
pub fn derive_id(input: TokenStream) -> TokenStream {
    shared::run(input, id::derive)
}

#[doc = include_str!("../docs/event.md")]
#[proc_macro_derive(Event, attributes(event, id, secret))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    shared::run(input, event::derive)
}

#[doc = include_str!("../docs/aggregate.md")]
#[proc_macro_derive(Aggregate, attributes(aggregate, id))]
pub fn derive_aggregate(input: TokenStream) -> TokenStream {
    shared::run(input, aggregate::derive)
}

#[doc = include_str!("../docs/command.md")]
#[proc_macro_derive(Command, attributes(command, id, secret))]
pub fn derive_command(input: TokenStream) -> TokenStream {
    shared::run(input, command::derive)
}

#[doc = include_str!("../docs/projection.md")]
#[proc_macro_derive(Projection, attributes(projection, key, index, json, secret))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    shared::run(input, projection::derive)
}

#[doc = include_str!("../docs/field.md")]
#[proc_macro_derive(Field, attributes(field))]
pub fn derive_field(input: TokenStream) -> TokenStream {
    shared::run(input, field::derive)
}

#[doc = include_str!("../docs/policy.md")]
#[proc_macro_derive(Policy, attributes(policy))]
pub fn derive_policy(input: TokenStream) -> TokenStream {
    shared::run(input, policy::derive)
}

#[doc = include_str!("../docs/query.md")]
#[proc_macro_derive(
    Query,
    attributes(
        query,
        key,
        equal,
        one_of,
        at_least,
        at_most,
        above,
        below,
        prefix,
        prefix_ignore_ascii_case,
        limit,
        cursor
    )
)]
pub fn derive_query(input: TokenStream) -> TokenStream {
    shared::run(input, query::derive)
}
