//! Makes the model from what was declared.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    declared::{Declared, DeclaredPolicy, DeclaredProjection, DeclaredQuery},
    schemas,
    types::{
        AggregateModel, ColumnModel, CommandModel, EventModel, FoldedEvent, IdModel, Model, ParameterModel,
        PolicyModel, ProjectionModel, QueryModel, SHAPE, SecretModel, SnapshotModel, StateModel, StepModel,
    },
};
use crate::{
    dispatch::{DeclaredAggregate, DeclaredCommand},
    event::{EventType, Types},
    rows::Role,
};

impl Declared {
    /// The model of everything that was declared.
    pub(crate) fn model(&self) -> Model {
        let aggregates = self.aggregates();
        let names = names(aggregates.keys(), short_name);
        let mut model = Model {
            annalist_model: SHAPE,
            events: self.event_types().into_values().map(event).collect(),
            commands: self.commands().into_values().map(|declared| command(declared, &names)).collect(),
            aggregates: aggregates.values().map(|declared| aggregate(declared, &names)).collect(),
            projections: self.projections.iter().map(projection).collect(),
            policies: self.policies.iter().map(policy).collect(),
            queries: self.queries(),
            #[cfg(feature = "gate")]
            types: super::types::EventTypes(self.all_types()),
        };
        model.aggregates.sort_by(|one, other| one.name.cmp(&other.name));
        model.projections.sort_by(|one, other| one.name.cmp(&other.name));
        model.policies.sort_by(|one, other| one.name.cmp(&other.name));
        model.link();
        model
    }

    /// The aggregates by their names in the model.
    pub(crate) fn named_aggregates(&self) -> BTreeMap<String, DeclaredAggregate> {
        let aggregates = self.aggregates();
        let names = names(aggregates.keys(), short_name);
        let named = aggregates
            .iter()
            .map(|(rust, declared)| (names.get(rust).cloned().unwrap_or_default(), *declared));
        named.collect()
    }

    /// The commands by their stored names: the registered ones, and the commands of policies.
    fn commands(&self) -> BTreeMap<&'static str, &DeclaredCommand> {
        let sent = self.policies.iter().flat_map(|policy| policy.commands.commands());
        let mut commands = BTreeMap::new();
        for command in self.commands.commands().iter().chain(sent) {
            commands.entry(command.name).or_insert(command);
        }
        commands.remove("");
        commands
    }

    /// The aggregates by their Rust types.
    fn aggregates(&self) -> BTreeMap<&'static str, DeclaredAggregate> {
        let commands = self.commands().into_values();
        let read = commands.flat_map(|command| command.reads.iter().map(|state| state.aggregate));
        self.aggregates.iter().copied().chain(read).map(|aggregate| (aggregate.rust, aggregate)).collect()
    }

    /// The event types of all Rust types, each once.
    #[cfg(feature = "gate")]
    fn all_types(&self) -> Vec<EventType> {
        let mut types = BTreeMap::new();
        let mut add = |set: &Types| {
            each_with_sources(set, &mut |one| {
                types.entry((one.name, one.rust)).or_insert(*one);
            });
        };
        let (owned, read) = self.sets();
        owned.into_iter().chain(read).for_each(&mut add);
        types.into_values().collect()
    }

    /// The event types by their stored names. Of several Rust types with one name, that of the commands is described.
    fn event_types(&self) -> BTreeMap<&'static str, EventType> {
        let (owned, read) = self.sets();
        let mut types = BTreeMap::new();
        owned.into_iter().for_each(|set| add_types(set, &mut types));
        let mut only_read = BTreeMap::new();
        read.into_iter().for_each(|set| add_types(set, &mut only_read));
        for (name, event) in only_read {
            types.entry(name).or_insert(event);
        }
        types
    }

    /// The events of commands and the registered ones, and the events that are only read.
    fn sets(&self) -> (Vec<&'static Types>, Vec<&'static Types>) {
        let sent = self.policies.iter().flat_map(|policy| policy.commands.events());
        let owned = self.commands.events().chain(sent).chain(self.events.iter().copied());
        let read = self.aggregates.iter().flat_map(|aggregate| aggregate.events);
        let read = read.chain(self.projections.iter().flat_map(|projection| projection.events));
        let read = read.chain(self.policies.iter().flat_map(|policy| policy.events));
        (owned.collect(), read.collect())
    }

    /// The queries, each once.
    fn queries(&self) -> Vec<QueryModel> {
        let queries: BTreeMap<_, _> = self.queries.iter().map(|query| (query.rust, query)).collect();
        let names = names(queries.keys(), |rust| snake_case(&short_name(rust)));
        let mut queries: Vec<_> = queries.values().map(|declared| query(declared, &names)).collect();
        queries.sort_by(|one, other| one.name.cmp(&other.name));
        queries
    }
}

/// Adds event types with their sources. A variant of an enum says more than a struct.
fn add_types(set: &Types, types: &mut BTreeMap<&'static str, EventType>) {
    each_with_sources(set, &mut |one| {
        let known = types.entry(one.name).or_insert(*one);
        if one.is_variant && !known.is_variant {
            *known = *one;
        }
    });
}

/// Calls a function with each event type and its sources.
fn each_with_sources(set: &Types, visit: &mut dyn FnMut(&EventType)) {
    set.each(&mut |one| {
        visit(one);
        each_with_sources(&Types::Sum(one.sources), visit);
    });
}

fn secret((field, subject): &(&str, &str)) -> SecretModel {
    SecretModel { field: (*field).to_owned(), subject: (*subject).to_owned() }
}

fn event(one: EventType) -> EventModel {
    let ids = one.ids.iter().map(|id| IdModel {
        field: id.field.to_owned(),
        kind: Some(id.kind.to_owned()),
        required: id.always,
    });
    let collected = one.collected_ids.iter();
    let collected =
        collected.map(|field| IdModel { field: (*field).to_owned(), kind: None, required: false });
    let steps = one.steps.iter().map(|step| StepModel {
        from: step.version,
        function: (!step.function.is_empty()).then(|| step.function.to_owned()),
        schema: (step.schema)().map(schemas::of_type),
    });
    // An id that is personal is its own subject.
    let secret_ids = one.ids.iter().filter(|id| id.is_secret);
    let secret_ids = secret_ids.map(|id| secret(&(id.field, id.field)));
    EventModel {
        name: one.name.to_owned(),
        version: one.version,
        rust: one.rust.to_owned(),
        aliases: sorted(one.aliases.iter().copied()),
        retired: one.is_retired,
        made_from: own_names(one.sources.iter().copied()),
        ids: ids.chain(collected).collect(),
        secrets: one.secrets.iter().map(secret).chain(secret_ids).collect(),
        steps: steps.collect(),
        schema: one.vtable.and_then(|vtable| schemas::of_event(&vtable)),
        written_by: Vec::new(),
        aggregates: Vec::new(),
        projections: Vec::new(),
        policies: Vec::new(),
    }
}

fn command(declared: &DeclaredCommand, names: &BTreeMap<&str, String>) -> CommandModel {
    let states = declared.reads.iter().map(|state| StateModel {
        aggregate: names.get(state.aggregate.rust).cloned().unwrap_or_default(),
        field: (!state.field.is_empty()).then(|| state.field.to_owned()),
        kind: state.aggregate.id.map(str::to_owned),
    });
    let mut written = BTreeSet::new();
    for set in &declared.writes {
        set.each(&mut |one| {
            if !one.is_retired {
                written.insert(one.name);
            }
        });
    }
    CommandModel {
        name: declared.name.to_owned(),
        rust: declared.rust.to_owned(),
        reads: states.collect::<BTreeSet<_>>().into_iter().collect(),
        writes: sorted(written),
        sent_by: Vec::new(),
        schema: declared.schema.map(schemas::of_type),
    }
}

fn aggregate(declared: &DeclaredAggregate, names: &BTreeMap<&str, String>) -> AggregateModel {
    AggregateModel {
        name: names.get(declared.rust).cloned().unwrap_or_default(),
        rust: declared.rust.to_owned(),
        id: declared.id.map(str::to_owned),
        events: own_names(declared.events),
        commands: Vec::new(),
        snapshot: declared.snapshot.map(|snapshot| SnapshotModel {
            name: snapshot.name.to_owned(),
            every: snapshot.every,
            version: snapshot.version,
        }),
    }
}

fn projection(declared: &DeclaredProjection) -> ProjectionModel {
    let columns = declared.table.columns.iter().map(|column| ColumnModel {
        name: column.name.to_owned(),
        kind: format!("{:?}", column.kind).to_lowercase(),
        nullable: column.nullable,
        role: match column.role {
            Role::Key => "key",
            Role::Index => "index",
            Role::Plain => "plain",
            Role::Encrypted => "secret",
            Role::Lookup => "lookup",
        }
        .to_owned(),
    });
    let mut events = BTreeSet::new();
    for (entry, types) in declared.events.iter().enumerate() {
        let key = match declared.key_functions.get(entry) {
            Some(function) if !function.is_empty() => Some(format!("{function}()")),
            _ => declared.key_kind.map(str::to_owned),
        };
        types.each(&mut |one| {
            events.insert(FoldedEvent { event: one.name.to_owned(), key: key.clone() });
        });
    }
    ProjectionModel {
        name: declared.table.projection.to_owned(),
        version: declared.table.version,
        rust: declared.rust.to_owned(),
        inline: declared.inline,
        custom: declared.custom,
        reads_secrets: declared.reads_secrets,
        columns: columns.collect(),
        events: events.into_iter().collect(),
        queries: Vec::new(),
    }
}

fn policy(declared: &DeclaredPolicy) -> PolicyModel {
    PolicyModel {
        name: declared.name.to_owned(),
        rust: declared.rust.to_owned(),
        start: declared.start.to_owned(),
        on_reject: declared.on_reject.to_owned(),
        on_error: declared.on_error.to_owned(),
        tries: declared.tries,
        order_by: declared.order_by.map(str::to_owned),
        everywhere: declared.everywhere,
        events: own_names(declared.events),
        sends: sorted(declared.commands.names()),
        sends_others: declared.has_unknown_commands,
    }
}

fn query(declared: &DeclaredQuery, names: &BTreeMap<&str, String>) -> QueryModel {
    let facts = declared.facts;
    let parameters = facts.parameters.iter().map(|parameter| ParameterModel {
        field: parameter.field.to_owned(),
        condition: parameter.condition.to_owned(),
        column: (!parameter.column.is_empty()).then(|| parameter.column.to_owned()),
        optional: parameter.optional,
    });
    QueryModel {
        name: names.get(declared.rust).cloned().unwrap_or_default(),
        rust: declared.rust.to_owned(),
        projection: facts.table.map(|table| table.projection.to_owned()),
        answer: facts.answer.to_owned(),
        parameters: parameters.collect(),
        schema: facts.schema.map(schemas::of_type),
    }
}

impl Model {
    /// Adds the other direction of each reference.
    fn link(&mut self) {
        for event in &mut self.events {
            let name = &event.name;
            event.written_by = named(&self.commands, |one| (&one.name, one.writes.contains(name)));
            event.aggregates = named(&self.aggregates, |one| (&one.name, one.events.contains(name)));
            event.projections = named(&self.projections, |one| {
                (&one.name, one.events.iter().any(|folded| folded.event == *name))
            });
            event.policies = named(&self.policies, |one| (&one.name, one.events.contains(name)));
        }
        for command in &mut self.commands {
            command.sent_by = named(&self.policies, |one| (&one.name, one.sends.contains(&command.name)));
        }
        for aggregate in &mut self.aggregates {
            aggregate.commands = named(&self.commands, |one| {
                (&one.name, one.reads.iter().any(|state| state.aggregate == aggregate.name))
            });
        }
        for projection in &mut self.projections {
            projection.queries =
                named(&self.queries, |one| (&one.name, one.projection.as_ref() == Some(&projection.name)));
        }
    }
}

/// The names of the items that a function selects.
fn named<T>(items: &[T], select: impl Fn(&T) -> (&String, bool)) -> Vec<String> {
    items.iter().map(select).filter(|(_, is_selected)| *is_selected).map(|(name, _)| name.clone()).collect()
}

/// The stored names of event types, without aliases and sources.
fn own_names<'a>(sets: impl IntoIterator<Item = &'a Types>) -> Vec<String> {
    let mut names = BTreeSet::new();
    for set in sets {
        set.each(&mut |one| {
            names.insert(one.name);
        });
    }
    sorted(names)
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

/// A short name for each Rust type; the path for types whose short names are equal.
fn names<'a>(
    types: impl Iterator<Item = &'a &'a str>,
    short: impl Fn(&str) -> String,
) -> BTreeMap<&'a str, String> {
    let mut names: BTreeMap<&str, String> = types.map(|rust| (*rust, short(rust))).collect();
    let mut counts = BTreeMap::new();
    for name in names.values() {
        *counts.entry(name.clone()).or_insert(0) += 1;
    }
    for (rust, name) in &mut names {
        if counts.get(name).is_some_and(|count| *count > 1) {
            *name = (*rust).to_owned();
        }
    }
    names
}

/// The name of a Rust type without paths: `Total<u64>` of `shop::Total<core::u64>`.
fn short_name(rust: &str) -> String {
    let mut short = String::new();
    let mut rest = rust;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        let path = &rest[..end];
        short.push_str(path.rsplit("::").next().unwrap_or(path));
        let other = rest[end..].chars().next().map_or(0, char::len_utf8);
        short.push_str(&rest[end..end + other]);
        rest = &rest[end + other..];
    }
    short
}

/// `balance_of` of `BalanceOf`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && (before.is_lowercase() || before.is_numeric()) {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
        before = c;
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_have_no_paths() {
        for (rust, short) in [
            ("bank::aggregate::Account", "Account"),
            ("shop::Total<core::u64, alloc::vec::Vec<shop::Line>>", "Total<u64, Vec<Line>>"),
            ("Account", "Account"),
        ] {
            assert_eq!(short_name(rust), short);
        }
        assert_eq!(snake_case("HTTPStatusOf2Orders"), "httpstatus_of2_orders");
        assert_eq!(snake_case("BalanceOf"), "balance_of");
    }

    #[test]
    fn types_of_one_short_name_have_their_paths() {
        let names = names(["a::Account", "b::Account", "b::Bank"].iter(), short_name);
        let names: Vec<&str> = names.values().map(String::as_str).collect();
        assert_eq!(names, ["a::Account", "b::Account", "Bank"]);
    }
}
