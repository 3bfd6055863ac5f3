//! Generic items, and the crate under another name.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::{convert::Infallible, fmt::Debug, marker::PhantomData};

use annalist::{manual::Ids, prelude::*, testing::given};
use annalist_ui_tests::{decide, read, written};
use serde::de::DeserializeOwned;

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BoxId(u32);

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(name = "box.filled")]
struct Filled<T, const N: usize> {
    #[id]
    id: BoxId,
    content: T,
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "box")]
enum BoxEvent<T, I>
where
    T: Debug,
{
    Emptied {
        #[id]
        id: I,
        content: Option<T>,
    },
    Destroyed,
}

#[derive(Event, Debug)]
enum Either<A, B> {
    A(A),
    B(B),
}

/// A generic aggregate with snapshots.
#[derive(Aggregate, Serialize, serde::Deserialize, Debug)]
#[aggregate(on(Filled<T, 3> => Self::filled), snapshot(every = 2))]
struct WithSnapshots<T: Clone> {
    #[id]
    id: BoxId,
    content: Option<T>,
}

impl<T: Clone> WithSnapshots<T> {
    fn filled(&mut self, event: &Filled<T, 3>) {
        self.content = Some(event.content.clone());
    }
}

#[test]
fn generic_aggregate_has_snapshots() {
    let fingerprint =
        |snapshots: Option<annalist::raw::aggregate::Snapshots<_>>| snapshots.map(|it| it.fingerprint());
    assert!(fingerprint(<WithSnapshots<u8> as Aggregate>::SNAPSHOTS).is_some());
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Filled<T, N> => Self::filled, Other => Self::other::<Other>))]
struct Full<T, Other, const N: usize>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync,
{
    #[id]
    id: BoxId,
    content: Option<T>,
    others: PhantomData<fn(Other)>,
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync, Other, const N: usize> Full<T, Other, N> {
    fn filled(&mut self, event: &Filled<T, N>) {
        self.content = Some(event.content.clone());
    }

    fn other<E>(&mut self, _: &E) {
        self.content = None;
    }
}

type FullBox<T> = Full<T, BoxEvent<T, BoxId>, 1>;

#[derive(Command, Serialize)]
#[command(decide = fill::<T>, error = Infallible)]
struct Fill<T>
where
    T: Serialize + DeserializeOwned + Debug + Clone + Send + Sync,
{
    #[id(FullBox<T>)]
    id: BoxId,
    content: T,
}

fn fill<T>(full: &FullBox<T>, command: &Fill<T>) -> Result<Option<Filled<T, 1>>, Infallible>
where
    T: Serialize + DeserializeOwned + Debug + Clone + Send + Sync + 'static,
{
    let empty = full.content.is_none();
    Ok(empty.then(|| Filled { id: command.id, content: command.content.clone() }))
}

#[derive(Command)]
#[command(error = Infallible)]
enum Both<A, B>
where
    Infallible: From<A::Error> + From<B::Error>,
    A: Command,
    B: Command,
{
    A(A),
    B(B),
}

#[test]
fn generic_items_work_with_concrete_types() {
    let id = BoxId(1);
    let filled = |content: &str| Filled::<String, 1> { id, content: content.into() };
    let fill = |content: &str| Fill { id, content: content.to_owned() };
    assert_eq!(decide((), fill("a")).events(), ["box.filled v1 {\"id\":1,\"content\":\"a\"} [box:1]"]);
    assert!(decide(filled("a"), fill("b")).events().is_empty());
    let emptied: BoxEvent<String, BoxId> = BoxEvent::Emptied { id, content: None };
    let either: Both<_, Fill<u8>> = Both::A(fill("b"));
    assert_eq!(decide((filled("a"), emptied), either).events().len(), 1);
    let either: Both<Fill<u8>, _> = Both::B(fill("b"));
    assert!(decide(filled("a"), either).events().is_empty());

    type Either8 = Either<Filled<u8, 2>, BoxEvent<u8, BoxId>>;
    let draft = written(Either8::A(Filled { id, content: 3 })).remove(0);
    let again = read::<Either8>(draft.name(), 1, draft.data().as_str()).unwrap();
    assert!(matches!(again[..], [Either::A(Filled { content: 3, .. })]));
    assert_eq!(written(Either8::B(BoxEvent::Destroyed))[0].name(), "box.destroyed");
}

#[derive(Projection, Debug, PartialEq)]
#[projection(name = "contents", on(Filled<T, N> => Self::filled, BoxEvent<T, BoxId> => emptied by emptied_boxes))]
struct Contents<T, I, const N: usize>
where
    T: Serialize + DeserializeOwned + Debug + Clone + Send + Sync,
    I: From<BoxId>,
{
    #[key]
    id: I,
    #[json]
    content: Option<T>,
    fills: u32,
}

impl<T: Serialize + DeserializeOwned + Debug + Clone + Send + Sync, I: From<BoxId>, const N: usize>
    Contents<T, I, N>
{
    fn filled(&mut self, event: &Filled<T, N>) {
        self.content = Some(event.content.clone());
        self.fills += 1;
    }
}

fn emptied<T, I, const N: usize>(row: &mut Contents<T, I, N>, _: &BoxEvent<T, BoxId>)
where
    T: Serialize + DeserializeOwned + Debug + Clone + Send + Sync,
    I: From<BoxId>,
{
    row.content = None;
}

fn emptied_boxes<T: Debug, I: From<BoxId>>(event: &BoxEvent<T, BoxId>) -> Option<I> {
    match event {
        BoxEvent::Emptied { id, .. } => Some(I::from(*id)),
        BoxEvent::Destroyed => None,
    }
}

#[test]
fn generic_projection_folds_rows() {
    let id = BoxId(1);
    let filled = |content: &str| Filled::<String, 1> { id, content: content.into() };
    let emptied: BoxEvent<String, BoxId> = BoxEvent::Emptied { id, content: None };
    let past = given((filled("a"), filled("b")));
    let row = |content: Option<&str>| Contents::<String, BoxId, 1> {
        id,
        content: content.map(Into::into),
        fills: 2,
    };
    past.clone().project().row(&id).eq(row(Some("b")));
    past.given(emptied).project().row(&id).eq(row(None));
}

fn _ids_of_a_generic_event<I: Ids + Serialize + DeserializeOwned + Send + Sync + 'static>() -> impl Event {
    BoxEvent::<u8, I>::Destroyed
}

/// A crate that re-exports `annalist` under another name.
mod platform {
    pub(crate) mod vendored {
        pub(crate) use annalist as log;
    }
}

mod renamed {
    use super::platform::vendored::log::prelude::*;

    #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
    #[id(crate = super::platform::vendored::log)]
    struct NoteId(String);

    #[derive(Event, Serialize, Deserialize)]
    #[event(crate = crate::platform::vendored::log)]
    struct NoteTaken {
        #[id]
        note: NoteId,
    }

    #[derive(Aggregate)]
    #[aggregate(crate = crate::platform::vendored::log, on(NoteTaken => Self::taken))]
    struct Note {
        #[id]
        id: NoteId,
        taken: bool,
    }

    impl Note {
        fn taken(&mut self, _: &NoteTaken) {
            self.taken = true;
        }

        fn take(&self, _: &Take) -> Result<Option<NoteTaken>, std::convert::Infallible> {
            Ok((!self.taken).then(|| NoteTaken { note: self.id.clone() }))
        }
    }

    #[derive(Projection, Debug, PartialEq)]
    #[projection(crate = crate::platform::vendored::log, name = "notes", on(NoteTaken => Self::taken))]
    struct NoteRow {
        #[key]
        note: NoteId,
        taken: bool,
    }

    impl NoteRow {
        fn taken(&mut self, _: &NoteTaken) {
            self.taken = true;
        }
    }

    #[derive(Command, Serialize)]
    #[command(crate = crate::platform::vendored::log, decide = Note::take)]
    struct Take {
        #[id]
        note: NoteId,
    }

    #[derive(Command)]
    #[command(crate = crate::platform::vendored::log)]
    enum NoteCommand {
        Take(Take),
    }

    #[test]
    fn derives_work_with_a_renamed_crate() {
        let take = || NoteCommand::Take(Take { note: NoteId("n".into()) });
        assert_eq!(annalist_ui_tests::decide((), take()).events().len(), 1);
        let taken = NoteTaken { note: NoteId("n".into()) };
        assert_eq!(NoteRow::EVENTS.len(), 1);
        assert_eq!(annalist_ui_tests::decide(taken, take()).events().len(), 0);
    }
}
