//! The events that a projection folds are stored with its build: a program that folds others needs a new version.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{
    App, Memory, Sqlite,
    app::Builder,
    manual::Types,
    prelude,
    prelude::*,
    projection::{Batch, CustomProjection},
    raw::error::BoxError,
};
use annalist_flow_tests::test_log::TestLog;
use sqlx::SqliteConnection;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct ItemId(String);

/// The events of a shop.
mod shop {
    use super::{ItemId, prelude::*};

    #[derive(Event, Serialize, Deserialize)]
    #[event(name = "item.added")]
    pub(crate) struct Added {
        #[id]
        pub(crate) item: ItemId,
        pub(crate) shelf: String,
        pub(crate) room: String,
    }

    #[derive(Event, Serialize, Deserialize)]
    #[event(name = "item.sold")]
    pub(crate) struct Sold {
        #[id]
        pub(crate) item: ItemId,
    }
}

/// The same events in another program: renamed in Rust, and one of them in the log too.
mod renamed {
    use super::{ItemId, prelude::*};

    #[derive(Event, Serialize, Deserialize)]
    #[event(name = "item.listed", alias = "item.added")]
    pub(crate) struct Listed {
        #[id]
        pub(crate) item: ItemId,
    }
}

/// The same event in its second version.
mod second {
    use super::{ItemId, prelude::*};

    #[derive(Event, Serialize, Deserialize)]
    #[event(name = "item.added", version = 2, upcast(1 => _))]
    pub(crate) struct Added {
        #[id]
        pub(crate) item: ItemId,
    }
}

use renamed::Listed;
use shop::{Added, Sold};

/// A projection of one name and the same columns, of other events.
macro_rules! items {
    ($($name:ident, $version:literal: $($event:ident)::+ $(, $more:ident)?;)+) => {
        $(#[derive(Projection, Debug)]
        #[projection(name = "items", version = $version, on($($event)::+ => count $(, $more => count)?))]
        struct $name {
            #[key]
            item: ItemId,
            count: i64,
        }

        impl Count for $name {
            fn add(&mut self) {
                self.count += 1;
            }
        })+
    };
}

trait Count {
    fn add(&mut self);
}

fn count<E>(row: &mut impl Count, _: &E) {
    row.add();
}

items! {
    OfAdded, 1: Added;
    OfBoth, 1: Added, Sold;
    OfBothInOtherOrder, 1: Sold, Added;
    OfListed, 1: Listed;
    OfSecond, 1: second::Added;
    OfBothInVersion2, 2: Added, Sold;
}

/// A projection whose key is what a function returns.
macro_rules! places {
    ($($name:ident by $($function:ident)::+;)+) => {
        $(#[derive(Projection, Debug)]
        #[projection(name = "places", on(Added => count by $($function)::+))]
        struct $name {
            #[key]
            place: String,
            count: i64,
        }

        impl Count for $name {
            fn add(&mut self) {
                self.count += 1;
            }
        })+
    };
}

mod elsewhere {
    pub(crate) fn shelf_of(event: &super::Added) -> String {
        event.shelf.clone()
    }
}

fn shelf_of(event: &Added) -> String {
    event.shelf.clone()
}

fn room_of(event: &Added) -> String {
    event.room.clone()
}

places! {
    ByShelf by shelf_of;
    ByShelfElsewhere by elsewhere::shelf_of;
    ByRoom by room_of;
}

/// Starts one program after the other on one store, and returns the error of the last one.
async fn starts(first: fn(Builder) -> Builder, then: fn(Builder) -> Builder) -> Result<(), String> {
    let store = Memory::new();
    first(App::builder(store.clone())).start().await.unwrap().shut_down().await;
    then(App::builder(store)).start().await.map(drop).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_names(result: Result<(), String>, parts: &[&str]) {
    let error = result.unwrap_err();
    for part in parts {
        assert!(error.contains(part), "the error must contain {part:?}: {error}");
    }
}

#[tokio::test]
async fn added_or_removed_event_without_a_new_version_is_refused_and_named() {
    let result = starts(Builder::projection::<OfAdded>, Builder::projection::<OfBoth>).await;
    assert_names(
        result,
        &["`items` version 1", "`item.sold` was added", "give the projection a new `version`"],
    );
    let result = starts(Builder::projection::<OfBoth>, Builder::projection::<OfAdded>).await;
    assert_names(result, &["`item.sold` was removed", "new `version`"]);
}

#[tokio::test]
async fn added_event_in_a_new_version_is_accepted() {
    let result = starts(Builder::projection::<OfAdded>, Builder::projection::<OfBothInVersion2>).await;
    assert_eq!(result, Ok(()));
}

#[tokio::test]
async fn order_of_the_entries_and_renames_with_an_alias_are_no_changes() {
    let both = |app: Builder| app.projection::<OfBoth>();
    assert_eq!(starts(both, Builder::projection::<OfBothInOtherOrder>).await, Ok(()));
    let added = |app: Builder| app.projection::<OfAdded>();
    assert_eq!(starts(added, Builder::projection::<OfListed>).await, Ok(()));
}

#[tokio::test]
async fn event_of_another_version_is_accepted() {
    let result = starts(Builder::projection::<OfAdded>, Builder::projection::<OfSecond>).await;
    assert_eq!(result, Ok(()));
}

#[tokio::test]
async fn another_key_function_is_refused_and_a_moved_one_is_not() {
    let by_shelf = |app: Builder| app.projection::<ByShelf>();
    let result = starts(by_shelf, Builder::projection::<ByRoom>).await;
    assert_names(result, &["the key of `item.added` was `shelf_of()` and is `room_of()`"]);
    assert_eq!(starts(by_shelf, Builder::projection::<ByShelfElsewhere>).await, Ok(()));
}

/// A policy reacts to what happens from now on, also to events of another type.
#[tokio::test]
async fn policy_of_more_events_is_accepted() {
    let result = starts(|app| app.policy(Mailer), |app| app.policy(BusyMailer)).await;
    assert_eq!(result, Ok(()));
}

#[derive(Policy)]
#[policy(name = "mailer", from = now, on_reject = stop, on(Added => Mailer::added))]
struct Mailer;

impl Mailer {
    fn added(&self, _: &Added) {}
}

#[derive(Policy)]
#[policy(name = "mailer", from = now, on_reject = stop, on(Added => BusyMailer::added, Sold => BusyMailer::sold))]
struct BusyMailer;

impl BusyMailer {
    fn added(&self, _: &Added) {}

    fn sold(&self, _: &Sold) {}
}

/// A projection with tables of its own.
struct Report<const BOTH: bool>;

#[async_trait::async_trait]
impl<const BOTH: bool> CustomProjection<Sqlite> for Report<BOTH> {
    const NAME: &'static str = "report";
    const EVENTS: &'static [Types] = if BOTH { &[Added::TYPES, Sold::TYPES] } else { &[Added::TYPES] };

    async fn set_up(&self, _: &mut SqliteConnection) -> Result<(), BoxError> {
        Ok(())
    }

    async fn handle(&self, _: Batch<'_>, _: &mut SqliteConnection) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test]
async fn custom_projection_of_more_events_is_refused() {
    let log = TestLog::file();
    let store = Sqlite::options().relaxed_durability().open(log.path().unwrap()).await.unwrap();
    let app = App::builder(store.clone()).custom_projection(Report::<false>, store.clone());
    app.start().await.unwrap().shut_down().await;
    let app = App::builder(store.clone()).custom_projection(Report::<true>, store);
    let error = app.start().await.unwrap_err().to_string();
    assert!(error.contains("`report` version 1") && error.contains("`item.sold` was added"), "{error}");
}
