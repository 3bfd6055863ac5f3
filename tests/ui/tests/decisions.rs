//! What a decision function may return: events, or a `Result` with events.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::{convert::Infallible, fmt::Debug, sync::Arc};

use annalist::{manual::IntoEvents, prelude::*, raw::event::WritableEvent, testing::given};
use annalist_ui_tests::decide;
use serde::de::DeserializeOwned;

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LampId(u32);

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Toggled {
    #[id]
    lamp: LampId,
    on: bool,
}

/// A state whose decisions have an error.
#[derive(Aggregate, Debug)]
#[aggregate(on(Toggled => Lamp::toggled), error = Broken)]
struct Lamp {
    #[id]
    id: LampId,
    on: bool,
}

/// A state whose decisions have no error.
#[derive(Aggregate, Debug)]
#[aggregate(on(Toggled => Counter::toggled))]
struct Counter {
    count: u32,
}

#[derive(Debug, PartialEq)]
struct Broken;

impl Lamp {
    fn toggled(&mut self, event: &Toggled) {
        self.on = event.on;
    }

    fn one(&self, _: &One) -> Toggled {
        toggled(self.id, !self.on)
    }

    fn optional(&self, _: &Optional) -> Option<Toggled> {
        self.on.then(|| toggled(self.id, false))
    }
}

impl Counter {
    fn toggled(&mut self, _: &Toggled) {
        self.count += 1;
    }
}

fn toggled(lamp: LampId, on: bool) -> Toggled {
    Toggled { lamp, on }
}

/// A command on one lamp with its decision.
macro_rules! command {
    ($name:ident: $decide:path) => {
        #[derive(Command, Serialize)]
        #[command(decide = $decide)]
        struct $name {
            #[id(Lamp)]
            lamp: LampId,
        }
    };
}

command!(One: Lamp::one);
command!(Optional: Lamp::optional);
command!(Tuple: tuple);
command!(Array: array);
command!(List: list);
command!(Empty: empty);
command!(Nested: nested);
command!(Opaque: opaque);
command!(Fallible: fallible);

fn tuple(lamp: &Lamp, _: &Tuple) -> (Toggled, Option<Toggled>) {
    (toggled(lamp.id, true), None)
}

fn array(lamp: &Lamp, _: &Array) -> [Toggled; 2] {
    [toggled(lamp.id, true), toggled(lamp.id, false)]
}

fn list(lamp: &Lamp, _: &List) -> Vec<Toggled> {
    vec![toggled(lamp.id, true); 3]
}

fn empty(_: &Lamp, _: &Empty) {}

fn nested(lamp: &Lamp, _: &Nested) -> Vec<(Toggled, [Option<Toggled>; 1])> {
    vec![(toggled(lamp.id, true), [None]), (toggled(lamp.id, false), [Some(toggled(lamp.id, true))])]
}

fn opaque(lamp: &Lamp, _: &Opaque) -> impl IntoEvents + use<> {
    toggled(lamp.id, true)
}

fn fallible(lamp: &Lamp, _: &Fallible) -> Result<Option<Toggled>, Broken> {
    if lamp.on { Err(Broken) } else { Ok(None) }
}

#[test]
fn events_without_result_are_accepted_in_every_shape() {
    let lamp = LampId(1);
    let on = [toggled(lamp, true)];
    assert_eq!(decide((), One { lamp }).events(), [r#"toggled v1 {"lamp":1,"on":true} [lamp:1]"#]);
    assert_eq!(decide((), Optional { lamp }).events().len(), 0);
    assert_eq!(decide(on.clone(), Optional { lamp }).events().len(), 1);
    assert_eq!(decide((), Tuple { lamp }).events().len(), 1);
    assert_eq!(decide((), Array { lamp }).events().len(), 2);
    assert_eq!(decide((), List { lamp }).events().len(), 3);
    assert_eq!(decide((), Empty { lamp }).events().len(), 0);
    assert_eq!(decide((), Nested { lamp }).events().len(), 3);
    assert_eq!(decide((), Opaque { lamp }).events().len(), 1);
    assert_eq!(decide(on, Fallible { lamp }).error(), Broken);
}

#[derive(Command, Serialize)]
#[command(decide = both, state(Counter), context)]
struct Both {
    #[id(Lamp)]
    lamps: Vec<LampId>,
}

fn both((lamps, counter): (&[Arc<Lamp>], &Counter), _: &Both, context: &Context) -> Vec<Toggled> {
    assert!(context.position.is_none());
    assert_eq!(counter.count, 1);
    lamps.iter().map(|lamp| toggled(lamp.id, !lamp.on)).collect()
}

#[test]
fn a_free_function_with_several_states_needs_no_result() {
    let lamps = vec![LampId(1), LampId(2)];
    let decided = decide(toggled(LampId(2), true), Both { lamps });
    assert_eq!(decided.reads.len(), 3);
    assert_eq!(decided.events().len(), 2);
}

#[derive(Command, Serialize)]
#[command(decide = count, state(Counter))]
struct Count;

fn count(counter: &Counter, _: &Count) -> Option<Toggled> {
    (counter.count == 0).then(|| toggled(LampId(0), true))
}

#[derive(Command, Serialize)]
#[command(decide = Ping::ping)]
struct Ping {}

impl Ping {
    fn ping(&self) {}
}

/// The error of a command, as the derive chose it.
fn error_of<C: Command<Error = E>, E>(_: &C) -> &'static str {
    std::any::type_name::<E>().rsplit("::").next().unwrap_or_default()
}

#[test]
fn the_error_is_that_of_the_first_state_or_infallible() {
    assert_eq!(error_of(&One { lamp: LampId(1) }), "Broken");
    assert_eq!(error_of(&Both { lamps: vec![] }), "Broken");
    assert_eq!(error_of(&Count), "Infallible");
    assert_eq!(error_of(&Ping {}), "Infallible");
    assert_eq!(decide((), Count).events().len(), 1);
    assert!(decide((), Ping {}).reads.is_empty());
}

/// A command that can fail beside commands that cannot: no `From<Infallible>` is needed.
#[derive(Command)]
enum Mixed {
    Fallible(Fallible),
    Count(Count),
    Ping(Ping),
}

#[derive(Command)]
#[command(error = Broken)]
enum Written {
    Count(Count),
    Mixed(Mixed),
}

#[derive(Command)]
enum NeverFails {
    Count(Count),
    Ping(Ping),
}

#[test]
fn a_command_enum_may_mix_commands_that_can_and_cannot_fail() {
    let lamp = LampId(1);
    let on = || toggled(lamp, true);
    assert_eq!(decide(on(), Mixed::Fallible(Fallible { lamp })).error(), Broken);
    assert_eq!(decide((), Mixed::Count(Count)).events().len(), 1);
    assert!(decide((), Mixed::Ping(Ping {})).events().is_empty());
    assert_eq!(decide(on(), Written::Mixed(Mixed::Fallible(Fallible { lamp }))).error(), Broken);
    assert_eq!(decide((), Written::Count(Count)).events().len(), 1);
    assert_eq!(error_of(&NeverFails::Count(Count)), "Infallible");
    assert!(decide((), NeverFails::Ping(Ping {})).events().is_empty());
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Noted<T> {
    note: T,
}

#[derive(Command, Serialize)]
#[command(decide = note::<T>)]
struct Note<T: Serialize + DeserializeOwned + Clone + Send + Sync> {
    note: T,
}

fn note<T: Serialize + DeserializeOwned + Clone + Send + Sync>(command: &Note<T>) -> Noted<T> {
    Noted { note: command.note.clone() }
}

#[derive(Command, Serialize)]
#[command(decide = Announce::announce)]
struct Announce<E: WritableEvent + Serialize + Clone + Debug> {
    event: E,
}

impl<E: WritableEvent + Serialize + Clone + Debug> Announce<E> {
    fn announce(&self) -> [E; 1] {
        [self.event.clone()]
    }
}

/// A generic command enum says how each error becomes its own.
#[derive(Command)]
#[command(error = Infallible)]
enum Either<A, B>
where
    A: Command<Error = Infallible>,
    B: Command,
    Infallible: From<B::Error>,
{
    A(A),
    B(B),
}

#[test]
fn generic_decisions_need_no_result() {
    assert_eq!(decide((), Note { note: 7_u8 }).events(), [r#"noted v1 {"note":7} []"#]);
    let announce = Announce { event: Noted { note: 9_u8 } };
    assert_eq!(decide((), announce).events(), [r#"noted v1 {"note":9} []"#]);
    let either: Either<Note<u8>, Ping> = Either::A(Note { note: 8 });
    assert_eq!(decide((), either).events(), [r#"noted v1 {"note":8} []"#]);
    let either: Either<Note<u8>, Ping> = Either::B(Ping {});
    assert!(decide((), either).events().is_empty());
}

#[test]
fn the_test_kit_decides_commands_that_cannot_fail() {
    let lamp = LampId(1);
    given(toggled(lamp, true)).when(One { lamp }).then(toggled(lamp, false));
    given(()).when(Optional { lamp }).then_nothing();
    given(()).when(Mixed::Ping(Ping {})).then_nothing();
}

#[tokio::test]
async fn an_app_executes_commands_that_cannot_fail() {
    let app = App::builder(annalist::Memory::new()).start().await.unwrap();
    let lamp = LampId(1);
    app.execute(One { lamp }).await.unwrap();
    app.execute(One { lamp }).await.unwrap();
    app.execute(Ping {}).await.unwrap();
    assert!(!app.load::<Lamp>(&lamp).await.unwrap().on);
}
