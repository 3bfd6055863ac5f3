//! The gate, for columns that become secret or plain.
#![allow(clippy::unwrap_used)] // in the helper functions too
#![allow(missing_docs, unreachable_pub, reason = "the events of a test are the same as in an application")]

use annalist::{
    Secret,
    app::Builder,
    model::{Gate, GateError, Model},
    prelude::*,
};
use schemars::JsonSchema;

#[derive(Id, JsonSchema, Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserId(String);

#[derive(Event, Serialize, Deserialize, JsonSchema, Clone)]
#[event(name = "user.registered")]
pub struct Registered {
    #[id]
    pub user: UserId,
    #[secret(subject = user)]
    pub email: Secret<String>,
}

fn secret_of(event: &Registered) -> Secret<String> {
    event.email.clone()
}

fn text_of(event: &Registered) -> String {
    event.email.known().cloned().unwrap_or_default()
}

/// The same projection in one version of a program.
macro_rules! version {
    ($module:ident [$($option:tt)*]: $(#[$secret:meta])* $field:ty = $value:path) => {
        mod $module {
            use super::*;

            #[derive(Projection, Clone, Debug, PartialEq)]
            #[projection(name = "contacts", $($option)* on(Registered => Contact::registered))]
            pub struct Contact {
                #[key]
                pub user: UserId,
                $(#[$secret])*
                pub email: $field,
            }

            impl Contact {
                fn registered(&mut self, event: &Registered) {
                    self.email = $value(event);
                }
            }

            pub fn model() -> Model {
                Model::of(Builder::projection::<Contact>).unwrap()
            }
        }
    };
}

version! { plain []: String = text_of }
version! { secret []: #[secret(subject = user)] Secret<String> = secret_of }
version! { found []: #[secret(subject = user, lookup)] Secret<String> = secret_of }
version! { reading [reads_secrets,]: #[secret(subject = user)] Secret<String> = secret_of }
version! { next [version = 2,]: String = text_of }

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
fn model_says_which_columns_are_secret() {
    let roles = |model: &Model| {
        let columns = model.projections[0].columns.iter();
        columns.map(|column| format!("{} {}", column.name, column.role)).collect::<Vec<_>>()
    };
    assert_eq!(roles(&plain::model()), ["user key", "email plain"]);
    assert_eq!(roles(&secret::model()), ["user key", "email secret"]);
    assert_eq!(roles(&found::model()), ["user key", "email secret", "email_lookup lookup"]);
    assert!(reading::model().projections[0].reads_secrets && !secret::model().projections[0].reads_secrets);
    assert!(reading::model().to_json().contains("\"reads_secrets\": true"));
    assert!(!plain::model().to_json().contains("reads_secrets"));
}

#[test]
fn column_that_becomes_secret_or_plain_needs_a_new_version() {
    for (before, after) in [
        (plain::model(), secret::model()),
        (secret::model(), plain::model()),
        (secret::model(), found::model()),
        (found::model(), secret::model()),
        (reading::model(), secret::model()),
        (secret::model(), reading::model()),
    ] {
        let text = refusal(&before, &after).unwrap();
        assert!(text.contains("projection `contacts` version 1") && text.contains("`version = 2`"), "{text}");
        assert_eq!(refusal(&before, &before), None);
    }
    assert_eq!(refusal(&secret::model(), &next::model()), None);
}
