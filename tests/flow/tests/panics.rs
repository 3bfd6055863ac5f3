//! Panics in user code in unusual places: each is an error for the caller, and the app continues.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{fmt, sync::Arc};

use annalist::{App, Error, EventStore, ExecuteError, Memory, app::Journal, prelude::*, store::Outcome};
use serde::{Deserializer, Serializer, de::Error as _};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct BombId(String);

/// Panics in the operation that its number selects.
#[derive(Clone, Debug, PartialEq)]
struct Fuse(u8);

const WRITING: Fuse = Fuse(1);
const READING: Fuse = Fuse(2);
const REFUSED: Fuse = Fuse(3);
const FINE: Fuse = Fuse(4);

impl Serialize for Fuse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(*self, WRITING, "while writing");
        serializer.serialize_u8(self.0)
    }
}

impl<'de> Deserialize<'de> for Fuse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fuse = Self(u8::deserialize(deserializer).map_err(D::Error::custom)?);
        assert_ne!(fuse, READING, "while reading");
        Ok(fuse)
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Lit {
    #[id]
    bomb: BombId,
    fuse: Fuse,
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Lit => Bomb::lit), error = Refused)]
struct Bomb {
    #[id]
    id: BombId,
    lit: u32,
}

impl Bomb {
    fn lit(&mut self, _: &Lit) {
        self.lit += 1;
    }

    fn light(&self, command: &Light) -> Result<Lit, Refused> {
        if command.fuse == REFUSED {
            return Err(Refused);
        }
        Ok(Lit { bomb: self.id.clone(), fuse: command.fuse.clone() })
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Bomb::light)]
struct Light {
    #[id]
    bomb: BombId,
    fuse: Fuse,
}

#[derive(Command, Serialize, Deserialize)]
#[command(error = Other)]
enum AnyCommand {
    Light(Light),
}

struct Refused;

impl fmt::Debug for Refused {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("while printing")
    }
}

#[derive(Debug)]
struct Other;

impl From<Refused> for Other {
    fn from(_: Refused) -> Self {
        panic!("while converting")
    }
}

fn id() -> BombId {
    BombId("b".into())
}

fn light(fuse: Fuse) -> Light {
    Light { bomb: id(), fuse }
}

#[tokio::test]
async fn panics_in_serialize_debug_and_from_are_errors() {
    let app = App::builder(Memory::new()).journal(Journal::All).start().await.unwrap();
    for fuse in [WRITING, READING] {
        let panicked = app.execute(light(fuse)).await;
        assert!(matches!(panicked, Err(ExecuteError::Panicked(_))));
    }
    let refused = app.execute(light(REFUSED)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(Refused))));
    let error = app.execute(AnyCommand::Light(light(REFUSED))).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Panicked(_)), "{error:?}");

    let journal = app.journal(0, 10).await.unwrap();
    let is_printed_panic = |text: &str| text.contains("while printing");
    assert_eq!(journal.len(), 2);
    assert!(
        journal
            .iter()
            .all(|entry| matches!(&entry.outcome, Outcome::Rejected(text) if is_printed_panic(text)))
    );
    assert!(app.execute(light(FINE)).await.is_ok());
    assert_eq!(app.load::<Bomb>(&id()).await.unwrap().lit, 1);
}

#[tokio::test]
async fn panic_while_reading_events_names_the_reading_type() {
    let store = Arc::new(Memory::new());
    let app = App::builder(Arc::clone(&store)).start().await.unwrap();
    let data = annalist::manual::Payload::parse(r#"{"bomb":"b","fuse":2}"#).unwrap();
    let tag = annalist::Tag::of(&id()).unwrap();
    let event = annalist::store::Draft::new("lit", 1, [tag], data).unwrap();
    store.append_one(annalist::store::Append { events: vec![event], ..Default::default() }).await.unwrap();

    let load = app.load::<Bomb>(&id()).await.unwrap_err();
    let history = app.history::<Lit>(&id()).await.unwrap_err();
    for (error, reader) in [(load, "panics::Bomb"), (history, "panics::Lit")] {
        assert!(matches!(error, Error::Panicked { .. }), "{error:?}");
        assert!(error.to_string().contains(reader) && error.to_string().contains("while reading"), "{error}");
    }
}
