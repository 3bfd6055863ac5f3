//! The gate: each kind of change by two versions of a type, and each kind of damage of the file.
#![allow(clippy::unwrap_used)] // in the helper functions too
#![allow(missing_docs, unreachable_pub, reason = "the events of a test are the same as in an application")]

use std::{env, fs, path::PathBuf, process::Command};

use annalist::{
    app::Builder,
    model::{Gate, GateError, Model},
    prelude::*,
};
use annalist_model_tests::{GuestId, RoomId, hotel};
use schemars::JsonSchema;
use tempfile::TempDir;

/// An event in one version of a program.
macro_rules! event {
    ($module:ident: $(#[$attribute:meta])* { $($fields:tt)* } $($more:item)*) => {
        mod $module {
            use super::*;

            #[derive(Event, Serialize, Deserialize, JsonSchema)]
            $(#[$attribute])*
            pub struct Booked { $($fields)* }

            $($more)*

            pub fn model() -> Model {
                Model::of(Builder::events::<Booked>).unwrap()
            }
        }
    };
}

event! { first: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kind } }

#[derive(Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    Single,
    Double { beds: u8 },
}

/// A file in a folder of its own.
struct LockFile {
    path: PathBuf,
    _folder: TempDir,
}

impl LockFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("annalist.lock"), _folder: folder }
    }

    fn of(model: &Model) -> Self {
        let file = Self::new();
        Gate::new(&file.path).update(model).unwrap();
        file
    }

    fn with(text: &str) -> Self {
        let file = Self::new();
        fs::write(&file.path, text).unwrap();
        file
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    fn gate(&self) -> Gate {
        Gate::new(&self.path)
    }
}

/// The error of a release after another one. An update does not write either.
#[track_caller]
fn refusal(before: &Model, after: &Model) -> String {
    let file = LockFile::of(before);
    let text = file.text();
    let error = file.gate().check(after).unwrap_err();
    assert!(matches!(error, GateError::Refused { .. }), "{error}");
    assert_eq!(file.gate().update(after).unwrap_err().to_string(), error.to_string());
    assert_eq!(file.text(), text);
    error.to_string()
}

#[track_caller]
fn assert_refused(after: &Model, expected: &[&str]) {
    let text = refusal(&first::model(), after);
    for part in expected {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

/// Additions pass, are written, and then nothing is left to write.
#[track_caller]
fn assert_accepted(before: &Model, after: &Model) -> String {
    let file = LockFile::of(before);
    let old = file.text();
    let additions = file.gate().check(after).unwrap().additions;
    assert_eq!(file.text(), old, "a check writes nothing");
    assert_eq!(file.gate().update(after).unwrap().additions, additions);
    assert!(file.gate().check(after).unwrap().additions.is_empty());
    file.text()
}

#[test]
fn file_has_a_sample_of_each_choice() {
    let file = LockFile::of(&first::model());
    let room = "018f3c5e-7b1a-7000-8000-000000000001";
    let expected = format!(
        "annalist.lock 1
# Written by a test with ANNALIST_GATE=update. Sorted, one fact a line.
event room.booked 1 [\"room:{room}\"] {{\"kind\":\"Single\",\"nights\":18446744073709551615,\"note\":\"text\",\"room\":\"{room}\"}}
event room.booked 1 [\"room:{room}\"] {{\"kind\":\"Single\",\"nights\":18446744073709551615,\"note\":null,\"room\":\"{room}\"}}
event room.booked 1 [\"room:{room}\"] {{\"kind\":{{\"Double\":{{\"beds\":255}}}},\"nights\":18446744073709551615,\"note\":\"text\",\"room\":\"{room}\"}}
"
    );
    assert_eq!(file.text(), expected);
    assert!(file.gate().check(&first::model()).unwrap().additions.is_empty());
}

event! { removed: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub note: Option<String>, pub kind: Kind } }
event! { narrowed: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u32, pub note: Option<String>, pub kind: Kind } }
event! { required: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, pub note: String, pub kind: Kind } }
event! { added_required: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kind, pub beds: u8 } }
event! { renamed_field: #[event(name = "room.booked")] { #[id] pub room: RoomId, #[serde(alias = "nights")] pub count: u64, pub note: Option<String>, pub kind: Kind } }
event! { other_case: #[event(name = "room.booked")] #[serde(rename_all = "UPPERCASE")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kind } }
event! { other_variants: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kinds }
    #[derive(Serialize, Deserialize, JsonSchema)]
    pub enum Kinds { Single, Twin }
}

#[test]
fn lost_or_narrowed_payloads_are_refused() {
    assert_refused(
        &removed::model(),
        &["event `room.booked` version 1 (line 3)", "the field `nights` is not read and written any more"],
    );
    assert_refused(
        &narrowed::model(),
        &["cannot be read", "18446744073709551615", "version = 2, upcast(…, 1 => from_v1)"],
    );
    assert_refused(&required::model(), &["(line 4)", "invalid type: null"]);
    assert_refused(&added_required::model(), &["missing field `beds`", "#[serde(default)]"]);
    assert_refused(&renamed_field::model(), &["the field `nights` is not read and written any more"]);
    assert_refused(&other_case::model(), &["missing field `ROOM`"]);
    assert_refused(&other_variants::model(), &["(line 5)", "unknown variant `Double`"]);
}

event! { renamed: #[event(name = "room.reserved")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kind } }
event! { aliased: #[event(name = "room.reserved", alias = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kind } }
event! { second: #[event(name = "room.booked", version = 2, upcast(1 => from_first))] { #[id] pub room: RoomId, pub days: u32 }
    fn from_first(old: first::Booked) -> Booked {
        Booked { room: old.room, days: u32::try_from(old.nights).unwrap_or(u32::MAX) }
    }
}
event! { strict_step: #[event(name = "room.booked", version = 2, upcast(1 => from_first))] { #[id] pub room: RoomId, pub days: u32 }
    fn from_first(old: first::Booked) -> Result<Booked, std::num::TryFromIntError> {
        Ok(Booked { room: old.room, days: u32::try_from(old.nights)? })
    }
}
event! { same_step: #[event(name = "room.booked", version = 2, upcast(1 => _))] { #[id] pub room: RoomId, pub days: u32 } }

#[test]
fn names_and_versions_are_checked() {
    assert_refused(
        &renamed::model(),
        &["event `room.booked` (lines 3, 4, 5)", "#[event(name = \"room.booked\")]"],
    );
    let text = assert_accepted(&first::model(), &aliased::model());
    assert!(text.contains("event room.booked 1") && text.contains("event room.reserved 1"), "{text}");
    let text = assert_accepted(&first::model(), &second::model());
    assert!(text.contains("event room.booked 1") && text.contains("event room.booked 2"), "{text}");
    assert!(
        refusal(&second::model(), &first::model())
            .contains("version 2 was released, and the program has version 1")
    );
    assert_refused(&strict_step::model(), &["Correct the step from version 1", "out of range"]);
    assert_refused(&same_step::model(), &["missing field `days`", "version 1"]);
}

event! { new_id: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, #[id] pub note: Option<GuestId>, pub kind: Kind } }
event! { no_id: #[event(name = "room.booked")] { pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kind } }
event! { other_kind: #[event(name = "room.booked")] { #[id] pub room: HallId, pub nights: u64, pub note: Option<String>, pub kind: Kind } }
event! { new_optional_id: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: Kind, #[id] #[serde(default)] pub guest: Option<GuestId> } }

#[derive(Id, JsonSchema, Clone, Debug, PartialEq, Eq, Hash)]
pub struct HallId(Uuid);

#[test]
fn changed_ids_are_refused() {
    assert_refused(&new_id::model(), &["it has the new tag `guest:text`", "declare a new event type"]);
    assert_refused(
        &new_id::model(),
        &["the line `retag room.booked guest`", "annalist::operate::retag::<Event, Id>(store)"],
    );
    assert_refused(&no_id::model(), &["it has lost the tag `room:"]);
    assert_refused(&other_kind::model(), &["its tag was `room:", "` and is `hall:"]);
    // Stored events have no value in a new field, and so no tag.
    assert_accepted(&first::model(), &new_optional_id::model());
}

/// The line says that stored events get the tags. It stays when the file is written again, and other changes of the tags are refused.
#[test]
fn new_id_passes_if_the_file_says_that_stored_events_are_retagged() {
    let file = LockFile::of(&first::model());
    let with = |line: &str| LockFile::with(&format!("{}{line}\n", file.text()));
    assert!(with("retag room.booked hall").gate().check(&new_id::model()).is_err());
    let file = with("retag room.booked guest");
    file.gate().update(&new_id::model()).unwrap();
    assert!(file.text().contains("\nretag room.booked guest\n"), "{}", file.text());
    assert!(file.gate().check(&other_kind::model()).is_err());
    let damaged = with("retag room.booked").gate().check(&first::model()).unwrap_err();
    assert!(matches!(damaged, GateError::Damaged { .. }), "{damaged}");
}

event! { widened: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub nights: u64, pub note: Option<String>, pub kind: WiderKind, #[serde(default)] pub breakfast: bool }
    #[derive(Serialize, Deserialize, JsonSchema)]
    pub enum WiderKind { Single, Double { beds: u8 }, Suite }
}

#[test]
fn additions_pass_and_are_written_on_request() {
    let text = assert_accepted(&first::model(), &widened::model());
    assert_eq!(text.matches("event room.booked 1").count(), 3 + 4);
    // Now the addition is released too.
    let file = LockFile::of(&first::model());
    file.gate().update(&widened::model()).unwrap();
    assert!(file.gate().check(&first::model()).unwrap_err().to_string().contains("unknown variant `Suite`"));
}

/// Without a JSON Schema.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "room.left")]
struct Left {
    #[id]
    room: RoomId,
    hour: u8,
}

fn left() -> Left {
    Left { room: RoomId::new(), hour: 9 }
}

#[test]
fn event_without_a_schema_needs_a_sample() {
    let model = Model::of(Builder::events::<Left>).unwrap();
    let file = LockFile::new();
    let error = file.gate().update(&model).unwrap_err().to_string();
    assert!(
        error.contains("no sample of `room.left` version 1") && error.contains("Gate::samples"),
        "{error}"
    );
    assert!(!file.path.exists());
    file.gate().samples([left()]).unwrap().update(&model).unwrap();
    // Another value of the same shape is no addition, and the given samples can be left out again.
    let report = file.gate().samples([left()]).unwrap().check(&model).unwrap();
    assert!(report.additions.is_empty() && report.without_samples.is_empty());
    assert!(file.gate().check(&model).unwrap().additions.is_empty());
}

fn with_row<P: Projection>() -> Model {
    Model::of(Builder::projection::<P>).unwrap()
}

macro_rules! row {
    ($name:ident, $version:literal, $projection:literal, $($field:ident: $type:ty),*) => {
        #[derive(Projection)]
        #[projection(name = $projection, version = $version, on(first::Booked => $name::apply))]
        struct $name {
            #[key]
            room: RoomId,
            $($field: $type,)*
        }

        impl $name {
            fn apply(&mut self, _: &first::Booked) {}
        }
    };
}

row!(Row, 1, "rooms", nights: i64);
row!(Wider, 1, "rooms", nights: i64, note: Option<String>);
row!(WiderSecond, 2, "rooms", nights: i64, note: Option<String>);
row!(Renamed, 1, "halls", nights: i64);

#[test]
fn changed_projection_needs_a_new_version() {
    let text = refusal(&with_row::<Row>(), &with_row::<Wider>());
    assert!(
        text.contains("projection `rooms` version 1") && text.contains("`column note text? plain` was added"),
        "{text}"
    );
    assert!(text.contains("write `version = 2`"), "{text}");
    let text = assert_accepted(&with_row::<Row>(), &with_row::<WiderSecond>());
    assert!(text.contains("projection rooms 2 ") && !text.contains("projection rooms 1 "), "{text}");
    assert!(refusal(&with_row::<WiderSecond>(), &with_row::<Row>()).contains("the older version 1"));
    assert!(
        refusal(&with_row::<Row>(), &with_row::<Renamed>())
            .contains("no registered projection has this name")
    );
}

#[derive(Aggregate)]
#[aggregate(on(first::Booked => Room::apply))]
struct Room {
    #[id]
    id: RoomId,
}

#[derive(Aggregate)]
#[aggregate(on(first::Booked => Rooms::apply))]
struct Rooms {
    count: u64,
}

impl Room {
    fn apply(&mut self, _: &first::Booked) {}
}

impl Rooms {
    fn apply(&mut self, _: &first::Booked) {
        self.count += 1;
    }
}

#[derive(Command, Serialize)]
#[command(name = "free a room", decide = free)]
struct Free {
    #[id(Room)]
    room: RoomId,
}

fn free(_: &Room, _: &Free) {}

#[derive(Command, Serialize)]
#[command(name = "free a room", decide = free_any, state(Rooms))]
struct FreeAny {
    room: RoomId,
}

fn free_any(_: &Rooms, _: &FreeAny) {}

#[derive(Command, Serialize)]
#[command(decide = free_other)]
struct Release {
    #[id(Room)]
    room: RoomId,
}

fn free_other(_: &Room, _: &Release) {}

#[test]
fn scopes_of_command_ids_are_checked() {
    let model = Model::of(Builder::commands::<Free>).unwrap();
    let text = refusal(&model, &Model::of(Builder::commands::<FreeAny>).unwrap());
    assert!(
        text.contains("command `free a room` (lines 3, 4)") && text.contains("was [room room] and is []"),
        "{text}"
    );
    let text = refusal(&model, &Model::of(Builder::commands::<Release>).unwrap());
    assert!(text.contains("#[command(name = \"free a room\")]"), "{text}");
}

#[test]
fn policy_is_not_renamed() {
    let file = LockFile::with("annalist.lock 1\npolicy bonus\n");
    let error = file.gate().check(&first::model()).unwrap_err().to_string();
    assert!(error.contains("policy `bonus` (line 2)"), "{error}");
}

#[test]
fn whole_domain_is_written_and_read() {
    let model = Model::of(hotel).unwrap();
    let file = LockFile::new();
    let cleaned = annalist_model_tests::Cleaned { room: RoomId::new(), by: "Ann".into() };
    let gate = file.gate().samples([cleaned]).unwrap();
    gate.update(&model).unwrap();
    let text = file.text();
    assert!(gate.check(&model).unwrap().additions.is_empty());
    for line in [
        "command \"end the night\"",
        "command \"book\" id room room",
        "policy housekeeping",
        "event room.audited 1 [] {}",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    assert!(text.contains("projection rooms 2 event night.ended no_room()"), "{text}");
}

/// The error of a file with this text.
fn damage(text: &str) -> String {
    let file = LockFile::with(text);
    let error = file.gate().check(&first::model()).unwrap_err();
    assert!(matches!(error, GateError::Damaged { .. }), "{error}");
    error.to_string()
}

#[test]
fn damaged_file_is_reported_with_its_line() {
    assert!(damage("").contains("line 1: the file is empty"));
    assert!(damage("annalist.lock 2\n").contains("line 1: the format `2` is not known"));
    assert!(damage("policy bonus\n").contains("line 1: the first line is not `annalist.lock 1`"));
    for line in ["<<<<<<< HEAD", "=======", ">>>>>>> branch", "||||||| base"] {
        let error = damage(&format!("annalist.lock 1\npolicy bonus\n{line}\n"));
        assert!(error.contains("line 3: an unresolved merge conflict"), "{error}");
    }
    let whole = LockFile::of(&first::model()).text();
    let event = whole.lines().nth(2).unwrap();
    for end in 1..event.len() {
        let error = damage(&format!("annalist.lock 1\n\n{}\n", &event[..end]));
        assert!(error.contains("line 3: it is no fact"), "{error}");
    }
    for line in [
        "event a x [] {}",
        "event a 1 [1] {}",
        "command open",
        "command \"open\" id room",
        "projection a 1 row",
        "policy a b",
        "Policy a",
    ] {
        assert!(damage(&format!("annalist.lock 1\n{line}\n")).contains("line 2"), "{line}");
    }
}

#[test]
fn missing_file_is_an_error_of_a_check() {
    let error = LockFile::new().gate().check(&first::model()).unwrap_err();
    assert!(matches!(error, GateError::File { .. }), "{error}");
    assert!(format!("{error:?}").contains("ANNALIST_GATE=update"), "{error:?}");
}

#[test]
fn sample_that_no_store_accepts_is_reported() {
    let file = LockFile::with("annalist.lock 1\nevent room.booked 1 [\"no tag\"] {}\n");
    let error = file.gate().check(&first::model()).unwrap_err().to_string();
    assert!(error.contains("(line 2): the sample is not valid"), "{error}");
}

#[test]
fn sample_of_an_event_that_is_not_registered_is_refused() {
    let file = LockFile::of(&first::model());
    let error = file.gate().samples([left()]).unwrap().check(&first::model()).unwrap_err();
    assert!(error.to_string().contains("event `room.left`: a sample of it is given"), "{error}");
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Tree {
    left: Vec<Tree>,
    right: Option<Box<Tree>>,
    more: Vec<Tree>,
}

event! { nested: #[event(name = "room.booked")] { #[id] pub room: RoomId, pub tree: Tree } }

#[test]
fn type_that_contains_itself_has_samples() {
    let text = LockFile::of(&nested::model()).text();
    assert!(text.contains("\"right\":null") && text.contains("\"right\":{"), "{text}");
    assert!(text.len() < 100_000);
}

/// The file of the test below.
const FILE: &str = "ANNALIST_GATE_TEST_FILE";

/// Runs in a process of its own, whose environment the next test sets.
#[test]
fn gate_of_the_environment() {
    if let Some(path) = env::var_os(FILE) {
        let after = widened::model();
        Gate::new(path).check(&after).unwrap();
    }
}

#[test]
fn environment_selects_what_a_check_does() {
    let file = LockFile::of(&first::model());
    let run = |mode: &str| {
        let mut test = Command::new(env::current_exe().unwrap());
        test.args(["--exact", "gate_of_the_environment", "--nocapture"]);
        let output = test.env(FILE, &file.path).env("ANNALIST_GATE", mode).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    };
    let old = file.text();
    assert!(run("").0);
    let (passes, text) = run("strict");
    assert!(!passes && text.contains("run the test with ANNALIST_GATE=update"), "{text}");
    let (passes, text) = run("updat");
    assert!(!passes && text.contains("ANNALIST_GATE is `updat`"), "{text}");
    assert_eq!(file.text(), old);
    let (passes, text) = run("update");
    assert!(passes && file.text() != old, "{text}");
    assert!(run("strict").0);
}
