//! How personal ids are declared and written.

use annalist::{App, Error, EventStore, ExecuteError, Invalid, Memory, Secret, Tag, operate, prelude::*};

use crate::{
    id_domain::{Email, UserEvent, UserId, email},
    secret_log::master,
};

async fn app(store: &Memory) -> App {
    App::builder(store.clone()).keys(master(7)).start().await.unwrap()
}

/// An event with an address in a field that is no id.
macro_rules! noted {
    ($event:ident, $command:ident, $decide:ident: $(#[$attribute:meta])* $field:ty) => {
        #[derive(Event, Serialize, Deserialize, Clone, Debug)]
        struct $event {
            #[id]
            user: UserId,
            $(#[$attribute])*
            other: $field,
        }

        #[derive(Command, Serialize)]
        #[command(decide = $decide)]
        struct $command {
            user: UserId,
            other: Email,
        }

        fn $decide(command: &$command) -> $event {
            $event { user: command.user.clone(), other: command.other.clone().into() }
        }
    };
}

noted! { Plain, NotePlain, note_plain: Email }
noted! { Unmarked, NoteUnmarked, note_unmarked: Secret<Email> }
noted! { OfUser, NoteOfUser, note_of_user: #[secret(subject = user)] Secret<Email> }

#[tokio::test]
async fn personal_id_that_is_no_tag_needs_a_secret_and_a_subject() {
    let store = Memory::new();
    let app = app(&store).await;
    let (user, other) = (UserId(1), email("ann@example.org"));
    let refused = app.execute(NotePlain { user: user.clone(), other: other.clone() }).await.unwrap_err();
    assert!(matches!(refused, ExecuteError::Invalid(Invalid::IdOutsideOfSecret { .. })), "{refused:?}");
    let refused = app.execute(NoteUnmarked { user: user.clone(), other: other.clone() }).await.unwrap_err();
    assert!(matches!(refused, ExecuteError::Invalid(Invalid::SecretWithoutSubject { .. })), "{refused:?}");
    assert_eq!(store.settled().await.unwrap().position, annalist::Position::START);

    app.execute(NoteOfUser { user: user.clone(), other: other.clone() }).await.unwrap();
    app.forget(&other).await.unwrap();
    let event = async || app.history::<OfUser>(&user).await.unwrap()[0].event.other.clone();
    assert_eq!(event().await.known(), Some(&other)); // it is the user's
    app.forget(&user).await.unwrap();
    assert!(event().await.is_forgotten());
}

#[test]
fn only_annalist_writes_a_personal_id() {
    let address = email("ann@example.org");
    let error = serde_json::to_string(&address).unwrap_err().to_string();
    assert!(error.contains("`to_string()`") && !error.contains("ann"), "{error}");
    assert_eq!(
        (format!("{address:?}").as_str(), address.to_string().as_str()),
        ("Email(…)", "ann@example.org")
    );
    let tag = Tag::of(&address).unwrap();
    assert_eq!((tag.as_str(), tag.to_string().as_str()), ("email:ann@example.org", "email:…"));
    assert_eq!(format!("{tag:?}"), "Tag(\"email:…\")");
    // Requests have it as it is.
    assert_eq!(serde_json::from_str::<Email>("\"ann@example.org\"").unwrap(), address);
    let error = serde_json::from_str::<Email>("{\"$forgotten\":true}").unwrap_err().to_string();
    assert!(error.contains("`Secret<…>`"), "{error}");
}

/// A command that was created from a forgotten event.
#[derive(Command, Serialize)]
#[command(decide = count)]
struct Count {
    #[id(crate::id_domain::EmailUse)]
    address: Secret<Email>,
    user: UserId,
}

fn count(used: &Option<std::sync::Arc<crate::id_domain::EmailUse>>, command: &Count) -> UserEvent {
    let guests = used.iter().map(|used| Secret::new(used.email.clone())).collect();
    UserEvent::Invited { by: command.user.clone(), guests }
}

#[tokio::test]
async fn forgotten_id_has_no_state() {
    let app = app(&Memory::new()).await;
    for address in [Secret::new(email("ann@example.org")), Secret::forgotten()] {
        app.execute(Count { address, user: UserId(1) }).await.unwrap();
    }
    let history = app.history::<UserEvent>(&UserId(1)).await.unwrap();
    let guests = history.iter().map(|recorded| match &recorded.event {
        UserEvent::Invited { guests, .. } => guests.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(guests.collect::<Vec<_>>(), [1, 0]);
}

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(kind = "phone")]
struct Phone(String);

#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(kind = "phone", secret)]
struct SecretPhone(String);

#[derive(Event, Serialize, Deserialize, Debug)]
struct Called {
    #[id]
    phone: Phone,
}

#[derive(Event, Serialize, Deserialize, Debug)]
struct Texted {
    #[id]
    phone: Secret<SecretPhone>,
}

#[tokio::test]
async fn kind_is_personal_for_all_types_or_for_none() {
    let app = app(&Memory::new()).await;
    app.history::<Called>(&Phone("1".into())).await.unwrap();
    let refused = app.history::<Texted>(&SecretPhone("1".into())).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(Invalid::DuplicateName { .. })), "{refused:?}");
    assert!(refused.to_string().contains("in two forms"), "{refused}");
}

#[tokio::test]
async fn stored_events_get_no_tags_of_personal_ids() {
    let refused = operate::retag::<Texted, SecretPhone>(Memory::new()).await.unwrap_err();
    assert!(
        matches!(refused, Error::Unusable { .. }) && refused.to_string().contains("personal"),
        "{refused}"
    );
}
