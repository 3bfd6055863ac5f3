//! The types of the model.

use serde::Serialize;
use serde_json::Value;

/// The model of an application. Each list is sorted by name, and lists of names refer to the names of the other lists.
///
/// [`Model::of`] makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Model {
    /// The version of the shape of the JSON. It grows when a program that reads the JSON has to be changed; added fields do not change
    /// it.
    pub annalist_model: u32,
    /// The event types, with the ones that are only read.
    pub events: Vec<EventModel>,
    /// The commands that are registered, and the commands of policies.
    pub commands: Vec<CommandModel>,
    /// The aggregates that are registered or that commands read.
    pub aggregates: Vec<AggregateModel>,
    /// The projections, with the ones that write tables of their own.
    pub projections: Vec<ProjectionModel>,
    /// The policies.
    pub policies: Vec<PolicyModel>,
    /// The queries that are registered.
    pub queries: Vec<QueryModel>,
    /// The Rust types of the events, for the gate.
    #[cfg(feature = "gate")]
    #[serde(skip)]
    pub(super) types: EventTypes,
}

/// The event types of all Rust types that read them. It follows from the other parts of a model, so it does not count in comparisons.
#[cfg(feature = "gate")]
#[derive(Clone, Debug, Default)]
pub(super) struct EventTypes(pub(super) Vec<crate::event::EventType>);

#[cfg(feature = "gate")]
impl EventTypes {
    /// The types that read stored events with this name.
    pub(super) fn readers(&self, name: &str) -> impl Iterator<Item = &crate::event::EventType> {
        self.0.iter().filter(move |one| crate::event::Types::One(**one).reads(name))
    }
}

#[cfg(feature = "gate")]
impl PartialEq for EventTypes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// An event type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EventModel {
    /// The stored name.
    pub name: String,
    /// The version that the program writes.
    pub version: u32,
    /// The Rust type or variant, with its path.
    pub rust: String,
    /// Former stored names, which are read as this event.
    pub aliases: Vec<String>,
    /// Whether no new event of this type is written.
    pub retired: bool,
    /// The retired event types from whose stored events this one is made.
    pub made_from: Vec<String>,
    /// Where its ids are.
    pub ids: Vec<IdModel>,
    /// The fields with secrets.
    pub secrets: Vec<SecretModel>,
    /// The steps from its older versions.
    pub steps: Vec<StepModel>,
    /// The JSON Schema of the payloads that the program reads as the current version, if it is known.
    pub schema: Option<Value>,
    /// The commands whose decisions can return it.
    pub written_by: Vec<String>,
    /// The aggregates that fold it.
    pub aggregates: Vec<String>,
    /// The projections that fold it.
    pub projections: Vec<String>,
    /// The policies that react to it.
    pub policies: Vec<String>,
}

/// A field of an event that holds ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IdModel {
    /// The field.
    pub field: String,
    /// The kind of the ids; `None` if a function collects them from the field (`#[id(with = …)]`).
    pub kind: Option<String>,
    /// Whether each event has at least one id in the field.
    pub required: bool,
}

/// A field of an event that holds secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SecretModel {
    /// The field.
    pub field: String,
    /// The field with the id of the subject: the same one for an id that is personal.
    pub subject: String,
}

/// A step from an older version of an event to the next one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StepModel {
    /// The older version.
    pub from: u32,
    /// The function, as it is written in the attribute; `None` if the next version reads the same payloads.
    pub function: Option<String>,
    /// The JSON Schema of the payloads of the older version, if it is known: that of the type that the function takes.
    pub schema: Option<Value>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CommandModel {
    /// The stored name.
    pub name: String,
    /// The Rust type, with its path.
    pub rust: String,
    /// The states that its decision gets. The ids of their fields are the scope in which a command id is unique.
    pub reads: Vec<StateModel>,
    /// The events that its decision can return, by the type that it returns.
    pub writes: Vec<String>,
    /// The policies that send it.
    pub sent_by: Vec<String>,
    /// The JSON Schema, if it is known.
    pub schema: Option<Value>,
}

/// A state that a decision gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct StateModel {
    /// The aggregate.
    pub aggregate: String,
    /// The field of the command that holds the id; `None` for an aggregate without id, or if it is not known.
    pub field: Option<String>,
    /// The kind of the id; `None` for an aggregate without id.
    pub kind: Option<String>,
}

/// An aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AggregateModel {
    /// The name of the Rust type; with its path if there are several of the same name.
    pub name: String,
    /// The Rust type, with its path.
    pub rust: String,
    /// The kind of its id; `None` for an aggregate without id.
    pub id: Option<String>,
    /// The events that it folds.
    pub events: Vec<String>,
    /// The commands whose decisions get its state.
    pub commands: Vec<String>,
    /// How its snapshots are saved, if they are.
    pub snapshot: Option<SnapshotModel>,
}

/// The snapshots of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SnapshotModel {
    /// The stored name.
    pub name: String,
    /// The number of events between two snapshots.
    pub every: u32,
    /// The version of the fold.
    pub version: u32,
}

/// A projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProjectionModel {
    /// The stored name, which is also that of its view.
    pub name: String,
    /// The version.
    pub version: u32,
    /// The Rust type of a row, with its path.
    pub rust: String,
    /// Whether its rows change in the transactions of the appends.
    pub inline: bool,
    /// Whether it writes tables of its own.
    pub custom: bool,
    /// Whether its rows have secret columns, and its handlers may copy secrets into others, too: `#[projection(reads_secrets)]`. JSON has it only if
    /// it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reads_secrets: bool,
    /// The columns of its rows in their order; none if it writes tables of its own.
    pub columns: Vec<ColumnModel>,
    /// The events that it folds.
    pub events: Vec<FoldedEvent>,
    /// The queries that it answers.
    pub queries: Vec<String>,
}

/// A column of a projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ColumnModel {
    /// The name.
    pub name: String,
    /// The type of its values in lower case: `bool`, `int`, `float`, `text`, `uuid`, `time`, `json`, `date`, `timeofday`, `decimal`.
    pub kind: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// `key`, `index`, `plain`, `secret` for one that is encrypted, or `lookup` for the keyed hash of the secret before it.
    pub role: String,
}

/// An event that a projection folds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct FoldedEvent {
    /// The event.
    pub event: String,
    /// Where the keys of its rows come from: the kind of an id, or a function as `name()`. `None` if it is not known.
    pub key: Option<String>,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PolicyModel {
    /// The stored name.
    pub name: String,
    /// The Rust type, with its path.
    pub rust: String,
    /// Where it starts when it runs for the first time: `beginning` or `now`.
    pub start: String,
    /// What happens when a command is rejected: `stop`, `park` or `ignore`.
    pub on_reject: String,
    /// What happens when a reaction keeps failing: `stop` or `park`.
    pub on_error: String,
    /// How often a reaction is tried in total.
    pub tries: u32,
    /// The kind of the ids that order its events, if it is set.
    pub order_by: Option<String>,
    /// Whether all processes of the app run it at the same time.
    pub everywhere: bool,
    /// The events that it reacts to.
    pub events: Vec<String>,
    /// The commands that it sends, by the types that its handlers return.
    pub sends: Vec<String>,
    /// Whether it can also send commands that the types of its handlers do not name.
    pub sends_others: bool,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QueryModel {
    /// The name of the Rust type in snake case; with its path if there are several of the same name.
    pub name: String,
    /// The Rust type, with its path.
    pub rust: String,
    /// The projection; `None` for a query that is written by hand, or whose projection is not registered.
    pub projection: Option<String>,
    /// `row` for at most one row, `page` for a page of rows, `own` for a query that is written by hand.
    pub answer: String,
    /// Its fields.
    pub parameters: Vec<ParameterModel>,
    /// The JSON Schema, if it is known.
    pub schema: Option<Value>,
}

/// A field of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ParameterModel {
    /// The field.
    pub field: String,
    /// `key`, `limit` or `cursor`, or how it is compared with the column: `equal`, `at_least`, `at_most`, `above`, `below`, `prefix` or
    /// `one_of`.
    pub condition: String,
    /// The column that it is compared with, if it is.
    pub column: Option<String>,
    /// Whether it can be left out.
    pub optional: bool,
}

/// The version of the shape of the JSON.
pub(super) const SHAPE: u32 = 1;

impl Model {
    /// Returns the event type with this stored name or alias.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::model::Model;
    ///
    /// let model = Model::of(|builder| builder.events::<AccountEvent>())?;
    /// assert_eq!(model.event("account.opened").unwrap().ids[0].field, "account");
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    pub fn event(&self, name: &str) -> Option<&EventModel> {
        let by_name = self.events.iter().find(|event| event.name == name);
        by_name.or_else(|| self.events.iter().find(|event| event.aliases.iter().any(|alias| alias == name)))
    }

    /// Returns the model as JSON, with two spaces for each level.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::model::Model;
    ///
    /// let json = Model::of(|builder| builder.commands::<Open>())?.to_json();
    /// assert!(json.starts_with("{\n  \"annalist_model\": 1,\n  \"events\": ["));
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    pub fn to_json(&self) -> String {
        // Texts, numbers and maps with texts as keys are always valid JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}
