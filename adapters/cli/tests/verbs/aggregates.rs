//! `aggregates`.

use annalist::{App, Timestamp, prelude::*, testing::ManualClock};
use annalist_doc_tests::{Deposit, id};
use expect_test::expect;

use crate::bank::Bank;

#[tokio::test]
async fn state_is_shown_with_the_changes_of_each_event() {
    let bank = Bank::new().await;
    bank.call(&["aggregates", "list"]).await.prints(expect![[r#"
        Account
    "#]]);
    bank.call(&["aggregates", "show", "Account", "a"]).await.prints(expect![[r#"
        Account a: 2 events

        position 1: account.opened at 2026-01-01T00:00:00Z by ann
              ),
        -     open: false,
        +     open: true,
              cents: 0,

        position 2: account.deposited at 2026-01-01T00:00:00Z by policy:welcome_bonus
              open: true,
        -     cents: 0,
        +     cents: 100,
          }

        the state after it:
        Account {
            id: AccountId(
                "a",
            ),
            open: true,
            cents: 100,
        }
    "#]]);
}

#[tokio::test]
async fn earlier_state_is_shown_and_only_some_events() {
    let bank = Bank::new().await;
    let clock = ManualClock::at("2026-01-03T00:00:00Z".parse::<Timestamp>().unwrap());
    let app = App::builder(bank.log.clone()).clock(clock).start().await.unwrap();
    for _ in 0..3 {
        app.execute(Deposit { account: id("a"), cents: 5 }).await.unwrap();
    }
    bank.call(&["aggregates", "show", "Account", "a", "-n", "1"]).await.prints(expect![[r#"
        Account a: 5 events, shown: the last 1

        position 7: account.deposited at 2026-01-03T00:00:00Z
              open: true,
        -     cents: 110,
        +     cents: 115,
          }

        the state after it:
        Account {
            id: AccountId(
                "a",
            ),
            open: true,
            cents: 115,
        }
    "#]]);
    bank.call(&["aggregates", "show", "Account", "a", "--at", "1"]).await.prints(expect![[r#"
        Account a: 1 event

        position 1: account.opened at 2026-01-01T00:00:00Z by ann
              ),
        -     open: false,
        +     open: true,
              cents: 0,

        the state after it:
        Account {
            id: AccountId(
                "a",
            ),
            open: true,
            cents: 0,
        }
    "#]]);
    let noon = ["aggregates", "show", "Account", "b", "--at", "2026-01-02T12:00:00Z", "--json"];
    assert!(bank.call(&noon).await.out.contains("\"state\":{\"aggregate\":\"Account\",\"id\":\"b\""));
    let then = ["aggregates", "show", "Account", "a", "--at", "1999-01-01T00:00:00Z"];
    bank.call(&then).await.fails(
        3,
        expect![[r#"
        error: no event of `Account` has the id `a` up to then
    "#]],
    );
}

#[tokio::test]
async fn programs_get_each_state() {
    let bank = Bank::new().await;
    bank.call(&["aggregates", "show", "Account", "a", "--json"]).await.prints(expect![[r#"
        {"shape":1,"state":{"aggregate":"Account","id":"a","position":1,"type":"account.opened","recorded_at":"2026-01-01T00:00:00Z","actor":"ann","state":"Account {\n    id: AccountId(\n        \"a\",\n    ),\n    open: true,\n    cents: 0,\n}"}}
        {"shape":1,"state":{"aggregate":"Account","id":"a","position":2,"type":"account.deposited","recorded_at":"2026-01-01T00:00:00Z","actor":"policy:welcome_bonus","state":"Account {\n    id: AccountId(\n        \"a\",\n    ),\n    open: true,\n    cents: 100,\n}"}}
    "#]]);
    bank.call(&["aggregates", "list", "--json"]).await.prints(expect![[r#"
        {"shape":1,"aggregate":"Account"}
    "#]]);
}

#[tokio::test]
async fn unknown_names_and_ids_are_explained() {
    let bank = Bank::new().await;
    bank.call(&["aggregates", "show", "Acount", "a"]).await.fails(
        3,
        expect![[r#"
        error: the program has no aggregate `Acount`; did you mean `Account`?
    "#]],
    );
    bank.call(&["aggregates", "show", "Account", "cay"]).await.fails(
        3,
        expect![[r#"
        error: no event of `Account` has the id `cay`
    "#]],
    );
    bank.call(&["aggregates", "show", "Account", "\u{1b}[2J"]).await.fails(
        3,
        expect![[r#"
        error: no event of `Account` has the id `\u{1b}[2J`
    "#]],
    );
    bank.call(&["aggregates", "show", "Account", &"x".repeat(3_000)]).await.fails(1, expect![[r#"
        error: tag "account:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" has 3008 bytes; the limit is 512
    "#]]);
}

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct DoorId(u32);

#[derive(Event, Serialize, Deserialize, Clone)]
#[event(name = "door.painted")]
struct Painted {
    #[id]
    door: DoorId,
    color: String,
}

/// A state without `Debug`.
#[derive(Aggregate)]
#[aggregate(on(Painted => Door::apply))]
struct Door {
    #[id]
    id: DoorId,
    color: String,
}

impl Door {
    fn apply(&mut self, event: &Painted) {
        assert!(event.door == self.id);
        self.color.clone_from(&event.color);
    }
}

/// The only state of its type, of all doors.
#[derive(Aggregate, Debug)]
#[aggregate(on(Painted => Paint::apply))]
struct Paint {
    cans: u32,
}

impl Paint {
    fn apply(&mut self, event: &Painted) {
        assert_ne!(event.color, "invisible", "no such paint");
        self.cans += 1;
    }
}

#[derive(Command, Serialize)]
#[command(decide = paint)]
struct PaintDoor {
    door: DoorId,
    color: &'static str,
}

fn paint(command: &PaintDoor) -> Painted {
    Painted { door: command.door, color: command.color.to_owned() }
}

#[tokio::test]
async fn states_of_other_kinds_are_shown_or_refused_with_a_reason() {
    let house = Bank::of(|builder| builder.aggregate::<Door>().aggregate::<Paint>());
    let clock = ManualClock::at("2026-01-03T00:00:00Z".parse::<Timestamp>().unwrap());
    let app = App::builder(house.log.clone()).clock(clock).start().await.unwrap();
    app.execute(PaintDoor { door: DoorId(1), color: "red" }).await.unwrap();
    app.execute(PaintDoor { door: DoorId(2), color: "red" }).await.unwrap();
    house.call(&["aggregates", "show", "Paint"]).await.prints(expect![[r#"
        Paint: 2 events

        position 1: door.painted at 2026-01-03T00:00:00Z
          Paint {
        -     cans: 0,
        +     cans: 1,
          }

        position 2: door.painted at 2026-01-03T00:00:00Z
          Paint {
        -     cans: 1,
        +     cans: 2,
          }

        the state after it:
        Paint {
            cans: 2,
        }
    "#]]);
    house.call(&["aggregates", "show", "Paint", "1"]).await.fails(
        1,
        expect![[r#"
        error: id "1" is not valid: it is not an id of `verbs::aggregates::Paint`
    "#]],
    );
    house.call(&["aggregates", "show", "Door", "1"]).await.fails(
        1,
        expect![[r#"
        error: show the states of `Door`: its type has no `Debug`: add `#[derive(Debug)]`
    "#]],
    );
    house.call(&["aggregates", "show", "Door", "front"]).await.fails(
        1,
        expect![[r#"
        error: id "front" is not valid: it is not an id of `verbs::aggregates::Door`
    "#]],
    );
    // The fold panics.
    app.execute(PaintDoor { door: DoorId(2), color: "invisible" }).await.unwrap();
    house.call(&["aggregates", "show", "Paint"]).await.fails(
        1,
        expect![[r#"
        error: the code of `Paint` panicked: assertion `left != right` failed: no such paint
          left: "invisible"
         right: "invisible"
    "#]],
    );
    house.call(&["aggregates", "show", "Paint", "--at", "2"]).await.prints(expect![[r#"
        Paint: 2 events

        position 1: door.painted at 2026-01-03T00:00:00Z
          Paint {
        -     cans: 0,
        +     cans: 1,
          }

        position 2: door.painted at 2026-01-03T00:00:00Z
          Paint {
        -     cans: 1,
        +     cans: 2,
          }

        the state after it:
        Paint {
            cans: 2,
        }
    "#]]);
}
