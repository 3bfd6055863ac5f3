//! What was registered with a builder, as static data.

use std::any::type_name;

use crate::{
    aggregate::Aggregate,
    dispatch::{CommandTypes, DeclaredAggregate},
    event::Types,
    projection::{CustomProjection, Projection, RowKey},
    query::{Query, QueryFacts},
    rows::{Table, Transactional},
};

/// Everything that was registered for an app. It becomes a [`Model`](super::Model) on request; until then it costs nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    /// The event types that were registered on their own.
    pub(crate) events: Vec<&'static Types>,
    pub(crate) commands: CommandTypes,
    /// The aggregates that were registered on their own.
    pub(crate) aggregates: Vec<DeclaredAggregate>,
    pub(crate) projections: Vec<DeclaredProjection>,
    pub(crate) policies: Vec<DeclaredPolicy>,
    pub(crate) queries: Vec<DeclaredQuery>,
}

/// A projection, with rows or with tables of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredProjection {
    pub(crate) rust: &'static str,
    pub(crate) table: Table,
    pub(crate) events: &'static [Types],
    pub(crate) inline: bool,
    pub(crate) custom: bool,
    /// Whether rows with secret columns may have copies of secrets in others.
    pub(crate) reads_secrets: bool,
    /// The function after `by` of each entry of `events`; empty for an entry without one.
    pub(crate) key_functions: &'static [&'static str],
    /// The kind of the ids that are the keys of its rows.
    pub(crate) key_kind: Option<&'static str>,
}

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredPolicy {
    pub(crate) name: &'static str,
    pub(crate) rust: &'static str,
    pub(crate) events: &'static [Types],
    pub(crate) start: &'static str,
    pub(crate) on_reject: &'static str,
    pub(crate) on_error: &'static str,
    pub(crate) tries: u32,
    pub(crate) order_by: Option<&'static str>,
    pub(crate) everywhere: bool,
    /// The commands that its handlers return.
    pub(crate) commands: CommandTypes,
    /// Whether a handler can also return commands that its type does not name.
    pub(crate) has_unknown_commands: bool,
}

/// A query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredQuery {
    pub(crate) rust: &'static str,
    pub(crate) facts: QueryFacts,
}

impl Declared {
    pub(crate) fn add_aggregate<A: Aggregate>(&mut self) {
        self.aggregates.push(DeclaredAggregate::of::<A>());
    }

    pub(crate) fn add_projection<P: Projection>(&mut self, inline: bool) {
        self.projections.push(DeclaredProjection {
            rust: type_name::<P>(),
            table: P::TABLE,
            events: P::EVENTS,
            inline,
            custom: false,
            reads_secrets: P::READS_SECRETS && P::TABLE.has_secrets(),
            key_functions: P::KEY_FUNCTIONS,
            key_kind: P::Key::TAG_KIND,
        });
    }

    pub(crate) fn add_custom_projection<S: Transactional, C: CustomProjection<S>>(&mut self) {
        self.projections.push(DeclaredProjection {
            rust: type_name::<C>(),
            table: Table { projection: C::NAME, version: C::VERSION, build: 0, columns: &[] },
            events: C::EVENTS,
            inline: false,
            custom: true,
            reads_secrets: false,
            key_functions: &[],
            key_kind: None,
        });
    }

    pub(crate) fn add_query<Q: Query>(&mut self) {
        self.queries.push(DeclaredQuery { rust: type_name::<Q>(), facts: Q::FACTS });
    }
}
