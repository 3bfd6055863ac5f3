//! The gate, for fields of events that become secret.
#![allow(clippy::unwrap_used)] // in the helper functions too
#![allow(missing_docs, unreachable_pub, reason = "the events of a test are the same as in an application")]

use std::{fs, path::PathBuf};

use annalist::{
    Secret,
    app::Builder,
    model::{Gate, GateError, Model},
    prelude::*,
};
use schemars::JsonSchema;
use tempfile::TempDir;

#[derive(Id, JsonSchema, Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserId(String);

/// The same event in one version of a program.
macro_rules! version {
    ($module:ident [$($option:tt)*]: $($field:tt)*) => {
        mod $module {
            use super::*;

            #[derive(Event, Serialize, Deserialize, JsonSchema, Clone)]
            #[event(prefix = "user")]
            pub enum UserEvent {
                #[event($($option)*)]
                Registered {
                    #[id]
                    user: UserId,
                    $($field)*
                },
            }

            pub fn model() -> Model {
                Model::of(Builder::events::<UserEvent>).unwrap()
            }
        }
    };
}

version! { plain [version = 1]: email: String, phones: Vec<String>, }
version! { same [version = 1]: #[secret(subject = user)] email: Secret<String>, phones: Vec<String>, }
version! { one [version = 2, upcast(1 => _)]: #[secret(subject = user)] email: Secret<String>, phones: Vec<String>, }
version! { both [version = 2, upcast(1 => _)]:
    #[secret(subject = user)] email: Secret<String>,
    #[secret(subject = user)] phones: Vec<Secret<String>>,
}
version! { renamed [version = 3, upcast(1 => _, 2 => _)]:
    #[secret(subject = user)] #[serde(alias = "email")] mail: Secret<String>,
    phones: Vec<String>,
}
version! { optional [version = 2, upcast(1 => _)]:
    email: String,
    phones: Vec<String>,
    #[secret(subject = user)] note: Option<Secret<String>>,
}

struct File {
    _folder: TempDir,
    path: PathBuf,
}

impl File {
    /// The file after a release of a model, with these lines.
    fn after(model: &Model, lines: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("annalist.lock");
        Gate::new(&path).update(model).unwrap();
        let text = fs::read_to_string(&path).unwrap() + &lines.join("\n") + "\n";
        fs::write(&path, text).unwrap();
        Self { _folder: folder, path }
    }

    /// What the gate refuses of another model.
    fn refusal(&self, model: &Model) -> Option<String> {
        match Gate::new(&self.path).check(model) {
            Ok(_) => None,
            Err(error @ GateError::Refused { .. }) => Some(error.to_string()),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn field_that_becomes_secret_is_refused_with_the_call_that_encrypts_stored_values() {
    let text = File::after(&plain::model(), &[]).refusal(&one::model()).unwrap();
    for part in [
        "stored events have `email` in plain text",
        "the line `encrypt user.registered email`",
        "app.encrypt_stored::<gate_secrets::one::UserEvent>().await?",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = File::after(&plain::model(), &[]).refusal(&both::model()).unwrap();
    assert!(text.contains("`encrypt user.registered email`, `encrypt user.registered phones`"), "{text}");
}

#[test]
fn field_that_becomes_secret_passes_if_the_file_says_that_stored_values_are_encrypted() {
    let file = File::after(&plain::model(), &["encrypt user.registered email"]);
    assert_eq!(file.refusal(&one::model()), None);
    let text = file.refusal(&both::model()).unwrap();
    assert!(text.contains("the line `encrypt user.registered phones`"), "{text}");
    Gate::new(&file.path).update(&one::model()).unwrap();
    assert!(fs::read_to_string(&file.path).unwrap().contains("\nencrypt user.registered email\n"));
    // The secret has another name in a later version.
    assert_eq!(file.refusal(&renamed::model()), None);

    let damaged = File::after(&plain::model(), &["encrypt user.registered"]);
    let error = Gate::new(&damaged.path).check(&plain::model()).unwrap_err();
    assert!(matches!(error, GateError::Damaged { .. }), "{error}");
}

#[test]
fn secret_without_a_new_version_is_refused_and_a_new_field_passes() {
    let text =
        File::after(&plain::model(), &["encrypt user.registered email"]).refusal(&same::model()).unwrap();
    assert!(text.contains("`version = 2"), "{text}");
    assert_eq!(File::after(&plain::model(), &[]).refusal(&optional::model()), None);
}
