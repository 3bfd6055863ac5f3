//! `describe` and `verify`.

use expect_test::expect;

use crate::bank::{Bank, text};

#[tokio::test]
async fn model_is_printed_without_a_store() {
    let bank = Bank::new().await;
    let catalogue = bank.call(&["describe"]).await;
    assert!(catalogue.out.contains("account.deposited"), "{}", catalogue.out);
    let flowchart = bank.call(&["describe", "--form", "mermaid"]).await;
    assert!(flowchart.out.starts_with("flowchart LR"), "{}", flowchart.out);
    let json = bank.call(&["describe", "--json"]).await;
    assert!(json.out.starts_with(r#"{"shape":1,"model":{"annalist_model":1,"#), "{}", json.out);
    let folder = tempfile::tempdir().unwrap();
    let schemas = folder.path().join("schemas");
    bank.call(&["describe", "--schemas", text(&schemas)]).await;
    assert!(schemas.is_dir());
    assert_eq!(bank.opened(), 0);
}

#[tokio::test]
async fn folder_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let called = Bank::empty().call(&["describe", "--schemas", text(file.path())]).await;
    assert_eq!(called.code, 1);
    assert!(called.err.contains(text(file.path())), "{}", called.err);
}

#[tokio::test]
async fn log_is_verified() {
    let bank = Bank::new().await;
    bank.call(&["verify"]).await.prints(expect![[r#"
        log in memory: 4 events up to position 4 checked, no findings
    "#]]);
    bank.call(&["verify", "--json"]).await.prints(expect![[r#"
        {"shape":1,"verification":{"defects":0,"events":4,"findings":[],"log":"log in memory","up_to":4}}
    "#]]);
}
