//! The keys of subjects: tables beside the log, and the privileges that they need.

use annalist_core::{
    keys::{Erasure, KeyState, StoredKey, SubjectHash},
    store::EventStore,
    time::Timestamp,
};
use annalist_postgres::Postgres;
use uuid::Uuid;

use crate::{
    rights::{is_refused, may_append},
    support::TestDatabase,
};

pub(crate) fn key(number: u8) -> StoredKey {
    let (id, subject) = (Uuid::from_u128(number.into()), SubjectHash([number; 32]));
    StoredKey { id, subject, wrapped: vec![number; 40], master: "first".to_owned() }
}

pub(crate) fn erasure(number: u8) -> Erasure {
    let erased_at = Timestamp::from_micros(1_769_860_800_000_000);
    Erasure { subject: key(number).subject, actor: Some("ann".to_owned()), erased_at, completed_at: None }
}

/// A key of the subject of another one.
fn next_key(number: u8, of: u8) -> StoredKey {
    StoredKey { subject: key(of).subject, ..key(number) }
}

pub(crate) async fn restored_key_row_is_not_used(db: TestDatabase) {
    let store = db.open().await.key_store().unwrap();
    store.current_keys(vec![key(1)]).await.unwrap();
    db.run("CREATE TABLE backup AS SELECT * FROM annalist.subject_keys").await;
    store.erase(erasure(1)).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM annalist.subject_keys").await, 0);
    db.run("INSERT INTO annalist.subject_keys SELECT * FROM backup").await;
    let states = async || store.keys(&[key(1).id]).await.unwrap();
    assert_eq!(states().await, [KeyState::Erased]);
    assert_eq!(store.keys_after(Uuid::nil(), 10).await.unwrap(), []);
    assert_eq!(store.current_keys(vec![next_key(2, 1)]).await.unwrap(), [None]);

    store.readmit(key(1).subject).await.unwrap();
    let new = next_key(3, 1);
    assert_eq!(store.current_keys(vec![new.clone()]).await.unwrap(), [Some(new.clone())]);
    assert_eq!(states().await, [KeyState::Erased]);
    assert_eq!(store.keys(&[new.id]).await.unwrap(), [KeyState::Stored(new)]);
}

pub(crate) async fn privileges_of_roles_that_write_secrets_and_forget_subjects(db: TestDatabase) {
    let owner = db.open().await.key_store().unwrap();
    let (role, url) = db.role().await;
    may_append(&db, &role).await;
    let store = Postgres::connect(&url).await.unwrap().key_store().unwrap();
    is_refused(store.hash_key(key(0)).await, "UPDATE on `subject_keys` and `key_state`");
    is_refused(store.current_keys(vec![key(1)]).await, "UPDATE on `subject_keys` and `key_state`");
    db.run(&format!("GRANT UPDATE ON annalist.subject_keys, annalist.key_state TO {role}")).await;
    store.hash_key(key(0)).await.unwrap();
    store.current_keys(vec![key(1)]).await.unwrap();
    store.rewrap(&StoredKey { master: "second".to_owned(), ..key(1) }).await.unwrap();

    is_refused(store.erase(erasure(1)).await, "UPDATE on `erasures` and DELETE on `subject_keys`");
    db.run(&format!("GRANT UPDATE ON annalist.erasures TO {role}")).await;
    db.run(&format!("GRANT DELETE ON annalist.subject_keys TO {role}")).await;
    store.erase(erasure(1)).await.unwrap();
    store.complete_erasure(key(1).subject, Timestamp::now()).await.unwrap();
    assert!(store.readmit(key(1).subject).await.unwrap());
    assert_eq!(owner.keys(&[key(1).id]).await.unwrap(), [KeyState::Erased]);
}
