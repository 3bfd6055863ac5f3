//! The gate, for ids that become personal or plain.
#![allow(clippy::unwrap_used)] // in the helper functions too
#![allow(missing_docs, unreachable_pub, reason = "the events of a test are the same as in an application")]

use annalist::{
    Secret,
    app::Builder,
    model::{Gate, GateError, Model},
    prelude::*,
};
use schemars::JsonSchema;

/// The same event in one version of a program.
macro_rules! version {
    ($module:ident: $(#[$id:meta])* $field:ty) => {
        mod $module {
            use super::*;

            #[derive(Id, JsonSchema, Clone, PartialEq, Eq, Hash)]
            $(#[$id])*
            pub struct Email(String);

            #[derive(Event, Serialize, Deserialize, JsonSchema)]
            #[event(name = "user.signed_up")]
            pub struct SignedUp {
                #[id]
                pub email: $field,
                pub note: Option<String>,
            }

            pub fn model() -> Model {
                Model::of(Builder::events::<SignedUp>).unwrap()
            }
        }
    };
}

version! { plain: Email }
version! { personal: #[id(secret)] Secret<Email> }
version! { free: #[id(secret, after_forget = "free")] Secret<Email> }

/// What is refused after a release of the first model.
fn refusal(before: &Model, after: &Model) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::new(folder.path().join("annalist.lock"));
    gate.update(before).unwrap();
    match gate.check(after) {
        Ok(_) => None,
        Err(error @ GateError::Refused { .. }) => Some(error.to_string()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn id_that_becomes_personal_is_refused() {
    let text = refusal(&plain::model(), &personal::model()).unwrap();
    assert!(text.contains("ids of the kind `email` are personal today"), "{text}");
    assert!(text.contains("declare a new id"), "{text}");
}

#[test]
fn personal_id_that_becomes_plain_is_refused() {
    let text = refusal(&personal::model(), &plain::model()).unwrap();
    assert!(text.contains("stored events cannot be read"), "{text}");
}

#[test]
fn personal_id_is_in_the_model_and_may_change_what_becomes_of_it() {
    let model = personal::model();
    let event = model.event("user.signed_up").unwrap();
    assert_eq!((event.secrets[0].field.as_str(), event.secrets[0].subject.as_str()), ("email", "email"));
    assert_eq!(refusal(&model, &personal::model()), None);
    assert_eq!(refusal(&model, &free::model()), None);
}
