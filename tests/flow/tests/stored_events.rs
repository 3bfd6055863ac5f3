//! The check at start: a program that does not read the events of an earlier version does not start, and the error names the events.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{App, Error, Invalid, Memory, app::Builder, prelude::*};
use annalist_flow_tests::warnings::Warnings;

/// The program that wrote the log.
mod before {
    use super::*;

    #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
    pub(crate) struct AccountId(pub(crate) String);

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "account")]
    pub(crate) enum AccountEvent {
        Opened {
            #[id]
            account: AccountId,
            owner: String,
        },
        Deposited {
            #[id]
            account: AccountId,
            cents: i64,
        },
    }

    #[derive(Aggregate, Debug)]
    #[aggregate(on(AccountEvent => Account::apply))]
    pub(crate) struct Account {
        #[id]
        id: AccountId,
        events: u32,
    }

    impl Account {
        fn apply(&mut self, _: &AccountEvent) {
            self.events += 1;
        }

        fn open(&self, _: &Open) -> [AccountEvent; 2] {
            let account = self.id.clone();
            [
                AccountEvent::Opened { account: account.clone(), owner: "Ann".into() },
                AccountEvent::Deposited { account, cents: 5 },
            ]
        }
    }

    #[derive(Command, Serialize, Deserialize)]
    #[command(decide = Account::open)]
    pub(crate) struct Open {
        #[id]
        pub(crate) account: AccountId,
    }
}

/// A log with the events of two accounts.
async fn log() -> Memory {
    let log = Memory::new();
    let app = App::builder(log.clone()).commands::<before::Open>().start().await.unwrap();
    for name in ["a", "b"] {
        app.execute(before::Open { account: before::AccountId(name.into()) }).await.unwrap();
    }
    log
}

async fn refusal(builder: Builder) -> String {
    let error = builder.start().await.unwrap_err();
    assert!(matches!(error, Error::UnreadEvents { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn events_that_the_program_reads_are_accepted() {
    let log = log().await;
    App::builder(log.clone()).commands::<before::Open>().start().await.unwrap();
    App::builder(log.clone()).events::<before::AccountEvent>().start().await.unwrap();
    // A program that registers nothing claims nothing.
    App::builder(log).start().await.unwrap();
}

/// The variant `Opened` is called `Created`.
mod renamed_variant {
    use super::{before::AccountId, *};

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "account")]
    pub(crate) enum AccountEvent {
        Created {
            #[id]
            account: AccountId,
            owner: String,
        },
        Deposited {
            #[id]
            account: AccountId,
            cents: i64,
        },
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "account")]
    pub(crate) enum WithAlias {
        #[event(alias = "account.opened")]
        Created {
            #[id]
            account: AccountId,
            owner: String,
        },
        Deposited {
            #[id]
            account: AccountId,
            cents: i64,
        },
    }

    #[derive(Projection, Serialize, Deserialize, Clone, Debug)]
    #[projection(name = "accounts", version = 1, on(AccountEvent => Row::apply))]
    pub(crate) struct Row {
        #[key]
        account: AccountId,
        events: i64,
    }

    impl Row {
        fn apply(&mut self, _: &AccountEvent) {
            self.events += 1;
        }
    }
}

#[tokio::test]
async fn renamed_variant_is_refused_until_it_has_its_old_name() {
    let log = log().await;
    let builder = || App::builder(log.clone());
    // With every way in which a program can register the type.
    for builder in
        [builder().events::<renamed_variant::AccountEvent>(), builder().projection::<renamed_variant::Row>()]
    {
        let text = refusal(builder).await;
        assert!(
            text.contains(
                "`account.opened` version 1 (events: 2, positions 1 to 3) is not read by any registered type"
            ),
            "{text}"
        );
        assert!(text.contains("has the prefix of `account.deposited`"), "{text}");
        assert!(text.contains("alias") && text.contains("unchecked_events"), "{text}");
    }
    builder().events::<renamed_variant::WithAlias>().start().await.unwrap();
    for unchecked in ["account.opened", "account.*", "*"] {
        let builder = builder().events::<renamed_variant::AccountEvent>();
        builder.unchecked_events([unchecked]).start().await.unwrap();
    }
    let other =
        builder().events::<renamed_variant::AccountEvent>().unchecked_events(["account.open", "account"]);
    refusal(other).await;
}

/// The variant `Opened` is removed.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(prefix = "account")]
enum WithoutOpened {
    Deposited {
        #[id]
        account: before::AccountId,
        cents: i64,
    },
}

#[tokio::test]
async fn removed_variant_is_refused() {
    let text = refusal(App::builder(log().await).events::<WithoutOpened>()).await;
    assert!(text.contains("`account.opened` version 1 (events: 2, positions 1 to 3)"), "{text}");
}

/// The prefix changed with the name of the enum.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(prefix = "customer")]
enum OtherPrefix {
    Opened {
        #[id]
        account: before::AccountId,
        owner: String,
    },
}

#[derive(Aggregate, Debug)]
#[aggregate(on(OtherPrefix => Customer::apply))]
struct Customer {
    #[id]
    id: before::AccountId,
}

impl Customer {
    fn apply(&mut self, _: &OtherPrefix) {}

    fn open(&self, _: &OpenCustomer) -> OtherPrefix {
        OtherPrefix::Opened { account: self.id.clone(), owner: "Bob".into() }
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Customer::open)]
struct OpenCustomer {
    #[id]
    account: before::AccountId,
}

#[tokio::test]
async fn events_of_another_prefix_with_ids_of_the_program_are_refused_if_its_commands_are_registered() {
    let log = log().await;
    let text = refusal(App::builder(log.clone()).commands::<OpenCustomer>()).await;
    assert!(
        text.contains("`account.opened` version 1 (events: 2, positions 1 to 3)")
            && text.contains("`account.deposited`"),
        "{text}"
    );
    assert!(text.contains("has ids of the kind `account`"), "{text}");
    // Without commands they may be the events of commands that are not registered, so there is only a warning.
    App::builder(log).events::<OtherPrefix>().start().await.unwrap();
}

/// The id type was renamed, and its kind with it.
mod renamed_id {
    use super::*;

    #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
    pub(crate) struct IbanId(String);

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "account")]
    pub(crate) enum AccountEvent {
        Opened {
            #[id]
            account: IbanId,
            owner: String,
        },
        Deposited {
            #[id]
            account: IbanId,
            cents: i64,
        },
    }

    #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
    #[id(kind = "account")]
    pub(crate) struct SameKind(String);

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "account")]
    pub(crate) enum WithKind {
        Opened {
            #[id]
            account: SameKind,
            owner: String,
        },
        Deposited {
            #[id]
            account: SameKind,
            cents: i64,
        },
    }
}

#[tokio::test]
async fn renamed_id_type_is_refused_until_it_has_its_old_kind() {
    let log = log().await;
    let text = refusal(App::builder(log.clone()).events::<renamed_id::AccountEvent>()).await;
    assert!(text.contains("is read by `"), "{text}");
    assert!(text.contains("has an id of the kind `account` at position 1"), "{text}");
    assert!(text.contains("#[id(kind = \"account\")]"), "{text}");
    App::builder(log).events::<renamed_id::WithKind>().start().await.unwrap();
}

/// Fields that were stored before are ids now.
mod new_id {
    use super::{before::AccountId, *};

    #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
    pub(crate) struct Owner(String);

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "account")]
    pub(crate) enum AccountEvent {
        Opened {
            #[id]
            account: AccountId,
            #[id]
            owner: Owner,
        },
        Deposited {
            #[id]
            account: AccountId,
            cents: i64,
        },
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(prefix = "account")]
    pub(crate) enum WithOptionalIds {
        Opened {
            #[id]
            account: AccountId,
            #[id]
            referrer: Option<Owner>,
        },
        Deposited {
            #[id]
            account: AccountId,
            #[id]
            #[serde(default)]
            orders: Vec<Owner>,
        },
    }
}

#[tokio::test]
async fn stored_field_that_became_an_id_is_refused() {
    let log = log().await;
    let text = refusal(App::builder(log.clone()).events::<new_id::AccountEvent>()).await;
    assert!(text.contains("positions 1 to 3) has no id of the kind `owner` at position 1"), "{text}");
    // An event may be without an optional id.
    App::builder(log).events::<new_id::WithOptionalIds>().start().await.unwrap();
}

/// A command with the stored name of another one.
mod same_name {
    use super::{before::AccountEvent, *};

    #[derive(Command, Serialize, Deserialize)]
    #[command(decide = open)]
    pub(crate) struct Open;

    fn open(_: &Open) -> Option<AccountEvent> {
        None
    }
}

#[derive(Command, Serialize, Deserialize)]
enum Both {
    First(before::Open),
    Second(Box<same_name::Open>),
}

#[tokio::test]
async fn two_commands_of_one_stored_name_are_refused() {
    let error = App::builder(Memory::new()).commands::<Both>().start().await.unwrap_err();
    assert!(matches!(error, Error::Invalid(Invalid::DuplicateName { .. })), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("the command name `open`"), "{text}");
    assert!(text.contains("before::Open") && text.contains("same_name::Open"), "{text}");
    // One command may be registered twice.
    let twice = App::builder(Memory::new()).commands::<before::Open>().commands::<before::Open>();
    twice.start().await.unwrap();
}

/// A read model that reads a part of one event, with a type of its own.
mod partial {
    use super::{before::AccountId, *};

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "account.deposited")]
    pub(crate) struct Deposited {
        #[id]
        account: AccountId,
        cents: i64,
    }

    #[derive(Projection, Serialize, Deserialize, Clone, Debug)]
    #[projection(name = "sums", version = 1, on(Deposited => Sum::apply))]
    pub(crate) struct Sum {
        #[key]
        account: AccountId,
        cents: i64,
    }

    impl Sum {
        fn apply(&mut self, event: &Deposited) {
            self.cents += event.cents;
        }
    }
}

#[tokio::test]
async fn read_model_may_read_a_part_of_the_events_with_its_own_type() {
    let log = log().await;
    App::builder(log.clone()).projection::<partial::Sum>().start().await.unwrap();
    App::builder(log).commands::<before::Open>().projection::<partial::Sum>().start().await.unwrap();
}

#[derive(Aggregate, Debug)]
#[aggregate(on(OtherPrefix => Renamed::apply))]
struct Renamed {
    #[id]
    id: before::AccountId,
    events: u32,
}

impl Renamed {
    fn apply(&mut self, _: &OtherPrefix) {
        self.events += 1;
    }
}

#[tokio::test]
async fn load_warns_once_of_events_that_the_program_does_not_read() {
    let log = log().await;
    // Nothing is registered, so the start is accepted.
    let app = App::builder(log.clone()).start().await.unwrap();
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let id = |name: &str| before::AccountId(name.into());
    assert_eq!(app.load::<Renamed>(&id("unknown")).await.unwrap().events, 0);
    assert_eq!(warnings.take(), "", "an id without events");
    assert_eq!(app.load::<Renamed>(&id("a")).await.unwrap().events, 0);
    let text = warnings.take();
    assert!(text.contains("Renamed") && text.contains("account:a"), "{text}");
    assert!(text.contains("account.deposited") && text.contains("account.opened"), "{text}");
    app.load::<Renamed>(&id("b")).await.unwrap();
    assert_eq!(warnings.take(), "", "the second load");

    // Another aggregate of this program reads the events.
    let app = App::builder(log).commands::<before::Open>().start().await.unwrap();
    app.load::<Renamed>(&id("a")).await.unwrap();
    assert_eq!(warnings.take(), "");
}

#[tokio::test]
async fn uncertain_findings_are_a_warning() {
    let log = log().await;
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    App::builder(log).events::<OtherPrefix>().start().await.unwrap();
    let text = warnings.take();
    assert!(
        text.contains("`account.opened` version 1 (events: 2, positions 1 to 3)")
            && text.contains("Builder::commands"),
        "{text}"
    );
}

#[tokio::test]
async fn allowed_events_are_a_warning_with_what_the_error_says() {
    let log = log().await;
    let refused = refusal(App::builder(log.clone()).events::<WithoutOpened>()).await;
    let finding = "`account.opened` version 1 (events: 2, positions 1 to 3) is not read by any registered type, but has the prefix of";
    assert!(refused.contains(finding), "{refused}");
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let builder = App::builder(log).events::<WithoutOpened>().unchecked_events(["account.opened"]);
    builder.start().await.unwrap();
    let text = warnings.take();
    assert!(text.contains(finding) && text.contains("unchecked_events"), "{text}");
}
