//! The derives of Annalist. Use them through the `annalist` crate, which re-exports them.
//!
//! Each derive has a folder and goes the same way: `parse` reads the item and its attributes as they stand, `check`
//! turns what was read into the `model` of a correct item or reports every mistake, and `expand` writes the impl.

mod aggregate;
mod command;
mod event;
mod id;
mod shared;

use proc_macro::TokenStream;

/// Makes a newtype the id of one kind of thing.
#[proc_macro_derive(Id, attributes(id))]
pub fn derive_id(input: TokenStream) -> TokenStream {
    shared::run(input, id::derive)
}

/// Makes a struct an event, or an enum a set of events.
#[proc_macro_derive(Event, attributes(event, id))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    shared::run(input, event::derive)
}

/// Makes a struct a state that decisions are taken on.
#[proc_macro_derive(Aggregate, attributes(aggregate, id))]
pub fn derive_aggregate(input: TokenStream) -> TokenStream {
    shared::run(input, aggregate::derive)
}

/// Makes a struct a command with its decision, or an enum of commands a command.
#[proc_macro_derive(Command, attributes(command, id))]
pub fn derive_command(input: TokenStream) -> TokenStream {
    shared::run(input, command::derive)
}
