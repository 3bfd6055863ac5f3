//! The model of a domain, and its outputs.
#![allow(clippy::unwrap_used)] // in the helper functions too

use annalist::{
    App, Error, Invalid, Memory,
    app::Builder,
    model::{EventModel, Model},
    prelude::*,
    projection::ProjectionOptions,
};
use annalist_model_tests::*;
use expect_test::expect_file;
use serde_json::{Value, json};

fn model() -> Model {
    Model::of(hotel).unwrap()
}

fn event(name: &str) -> EventModel {
    model().event(name).unwrap().clone()
}

#[test]
fn outputs_are_the_committed_ones() {
    let model = model();
    expect_file!["../expected/model.json"].assert_eq(&model.to_json());
    expect_file!["../expected/model.mmd"].assert_eq(&model.to_mermaid());
    expect_file!["../expected/catalogue.md"].assert_eq(&model.to_markdown());
    let schemas = model.json_schemas();
    let text: String = schemas.iter().map(|(file, schema)| format!("{file}\n{schema}")).collect();
    expect_file!["../expected/schemas.txt"].assert_eq(&text);
}

#[test]
fn order_of_registration_does_not_matter() {
    let other = |builder: Builder| {
        builder
            .policy(Anything)
            .query::<RoomOf>()
            .policy(Housekeeping)
            .query::<RoomsOf>()
            .projection::<RoomRow>()
            .commands::<Book>()
            .commands::<Book>()
    };
    assert_eq!(Model::of(other).unwrap().to_json(), model().to_json());
}

#[test]
fn event_has_its_names_ids_and_readers() {
    let booked = event("room.booked");
    assert_eq!((booked.version, booked.retired), (4, false));
    assert_eq!(booked.aliases, ["room.taken"]);
    assert_eq!(event("room.taken"), booked);
    let ids: Vec<_> =
        booked.ids.iter().map(|id| (id.field.as_str(), id.kind.as_deref(), id.required)).collect();
    assert_eq!(ids, [("room", Some("room"), true), ("guest", Some("guest"), false), ("extras", None, false)]);
    assert_eq!(booked.written_by, ["book"]);
    assert_eq!((booked.aggregates.join(" "), booked.projections.join(" ")), ("Room".into(), "rooms".into()));
    assert_eq!(booked.policies, ["housekeeping"]);
}

#[test]
fn steps_have_the_schemas_of_the_types_that_they_take() {
    let steps = event("room.booked").steps;
    let functions: Vec<_> = steps.iter().map(|step| (step.from, step.function.as_deref())).collect();
    assert_eq!(functions, [(1, Some("from_v1")), (2, None), (3, Some("from_v3"))]);
    assert_eq!(steps[0].schema.as_ref().unwrap()["required"], json!(["room"]));
    assert_eq!(steps[1].schema, None);
    assert!(steps[2].schema.as_ref().unwrap()["properties"].get("guest").is_some());
    // Any JSON: with a context, and with a function in a type.
    let step = &event("room.inspected").steps[0];
    assert_eq!(step.function.as_deref(), Some("Inspected::from_v1"));
    assert!(step.schema.as_ref().unwrap().get("properties").is_none());
}

#[test]
fn schema_of_a_variant_is_that_of_its_payload() {
    let schema = event("room.booked").schema.unwrap();
    assert_eq!(schema["description"], "A guest takes the room.");
    assert_eq!(schema["required"], json!(["room", "extras"]));
    let mut definitions: Vec<&String> = schema["$defs"].as_object().unwrap().keys().collect();
    definitions.sort();
    assert_eq!(definitions, ["Extra", "GuestId", "RoomId", "What"]);
    let freed = event("room.freed").schema.unwrap(); // renamed in serde
    assert_eq!(freed["required"], json!(["room"]));
    assert_eq!(freed["$defs"].as_object().unwrap().len(), 1);
    assert_eq!(event("room.audited").schema, Some(json!({ "type": "object", "$schema": freed["$schema"] })));
}

#[test]
fn type_without_a_schema_has_none() {
    assert_eq!(event("room.cleaned").schema, None);
    assert_eq!(event("night.ended").schema, Some(json!({ "type": "object" }))); // no fields
    let model = model();
    let command = |name: &str| model.commands.iter().find(|command| command.name == name).unwrap();
    assert!(command("book").schema.is_some() && command("inspect").schema.is_none());
    assert!(model.queries[0].schema.is_none() && model.queries[1].schema.is_some());
}

#[test]
fn every_older_version_with_a_known_type_has_a_schema_file() {
    let schemas = model().json_schemas();
    let files: Vec<&String> = schemas.keys().collect();
    assert_eq!(
        files,
        [
            "night.ended.v1.json",
            "room.audited.v1.json",
            "room.booked.v1.json",
            "room.booked.v2.json",
            "room.booked.v3.json",
            "room.booked.v4.json",
            "room.freed.v1.json",
            "room.inspected.v1.json",
            "room.inspected.v2.json",
        ]
    );
    let parsed: Value = serde_json::from_str(&schemas["room.booked.v2.json"]).unwrap();
    assert_eq!(parsed["title"], "room.booked version 2");
    assert_eq!(
        parsed["properties"],
        serde_json::from_str::<Value>(&schemas["room.booked.v3.json"]).unwrap()["properties"]
    );
}

#[test]
fn policy_sends_what_its_handlers_return() {
    let policies = model().policies;
    let [anything, housekeeping] = policies.as_slice() else { panic!("{policies:?}") };
    assert!(anything.sends.is_empty() && anything.sends_others);
    assert_eq!(housekeeping.sends, ["end the night", "inspect"]);
    assert!(!housekeeping.sends_others && housekeeping.everywhere);
    assert_eq!((housekeeping.tries, housekeeping.order_by.as_deref()), (3, Some("room")));
    let commands = model().commands;
    let sent: Vec<_> =
        commands.iter().map(|command| (command.name.as_str(), command.sent_by.len())).collect();
    assert_eq!(sent, [("book", 0), ("end the night", 1), ("inspect", 1)]);
}

#[derive(Event, Serialize, Deserialize, schemars::JsonSchema)]
#[event(name = "generic.made")]
struct Made<T: Serialize + Send + Sync + 'static> {
    value: T,
}

#[test]
fn generic_event_has_no_schema() {
    let model = Model::of(Builder::events::<Made<u8>>).unwrap();
    assert_eq!(model.events[0].schema, None);
}

/// Reads a part of `room.freed`.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "room.freed", alias = "room.left")]
struct OnlyFreed {
    #[id]
    room: RoomId,
}

#[derive(Projection)]
#[projection(name = "freed", on(OnlyFreed => FreedRow::apply))]
struct FreedRow {
    #[key]
    room: RoomId,
}

impl FreedRow {
    fn apply(&mut self, _: &OnlyFreed) {}
}

#[test]
fn type_of_the_commands_is_described_and_not_that_of_a_reader() {
    let read = Model::of(Builder::projection::<FreedRow>).unwrap();
    assert!(read.events[0].rust.ends_with("::OnlyFreed"));
    let both = Model::of(|builder| builder.projection::<FreedRow>().commands::<Book>()).unwrap();
    let freed = both.event("room.freed").unwrap();
    assert!(freed.rust.ends_with("::RoomEvent::Freed"));
    assert_eq!(freed.projections, ["freed"]);
}

#[test]
fn inline_projections_and_registered_aggregates_are_described() {
    let options = ProjectionOptions::new().inline();
    let model =
        Model::of(|builder| builder.projection_with::<FreedRow>(options).aggregate::<Calendar>()).unwrap();
    assert!(model.projections[0].inline && !model.projections[0].custom);
    assert_eq!((model.aggregates[0].name.as_str(), model.events.len()), ("Calendar", 2));
}

#[test]
fn duplicate_names_are_an_error() {
    let error = Model::of(|builder| builder.events::<OnlyFreed>().commands::<Book>()).unwrap_err();
    assert!(matches!(error, Invalid::DuplicateName { .. }), "{error}");
}

#[tokio::test]
async fn builder_of_a_model_starts_no_app() {
    let mut leaked = None;
    let model = Model::of(|builder| {
        leaked = Some(builder.commands::<Book>());
        App::builder(Memory::new())
    });
    assert!(model.unwrap().events.is_empty());
    let error = leaked.unwrap().start().await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("has no store"), "{error}");
}
