//! `export`, `import` and `copy`.

use std::fs;

use expect_test::expect;

use crate::bank::{Bank, text};

#[tokio::test]
async fn exported_log_is_imported() {
    let (bank, other) = (Bank::new().await, Bank::empty());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.jsonl");
    bank.call(&["export", text(&file)]).await.prints(expect![[r#"
        exported: events: 4 up to position 4, command ids: 4, journal entries: 5, policies: 1
    "#]]);
    other.call(&["import", text(&file), "--json"]).await.prints(expect![[r#"
        {"shape":1,"imported":{"archives":0,"command_ids":4,"events":4,"journal_entries":5,"policies":1,"tombstones":0,"up_to":4}}
    "#]]);
    let listed = async |bank: &Bank| bank.call(&["events", "list", "--json"]).await.out;
    assert_eq!(listed(&bank).await, listed(&other).await);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn cloud_events_are_exported() {
    let bank = Bank::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.jsonl");
    bank.call(&["export", text(&file), "--cloud-events", "/bank", "--json"]).await.prints(expect![[r#"
        {"shape":1,"exported":{"archives":0,"command_ids":4,"events":4,"journal_entries":5,"policies":1,"tombstones":0,"up_to":4}}
    "#]]);
    assert!(fs::read_to_string(&file).unwrap().contains("specversion"));
}

#[tokio::test]
async fn existing_file_is_not_overwritten() {
    let bank = Bank::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.jsonl");
    fs::write(&file, "mine").unwrap();
    let called = bank.call(&["export", text(&file)]).await;
    assert_eq!((called.code, called.out.as_str()), (1, ""));
    assert!(called.err.contains("bank.jsonl") && called.err.contains("already exists"), "{}", called.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn exports_to_one_file_at_once_leave_one_whole_file() {
    let bank = Bank::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.jsonl");
    let arguments = ["export", text(&file)];
    let (one, other) = tokio::join!(bank.call(&arguments), bank.call(&arguments));
    assert_eq!(one.code + other.code, 1, "{}{}", one.err, other.err);
    assert_eq!(Bank::empty().call(&["import", text(&file)]).await.code, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn incomplete_export_imports_nothing() {
    let (bank, other) = (Bank::new().await, Bank::empty());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.jsonl");
    bank.call(&["export", text(&file)]).await;
    let whole = fs::read_to_string(&file).unwrap();
    let cut: Vec<&str> = whole.lines().take(3).collect();
    fs::write(&file, format!("{}\n", cut.join("\n"))).unwrap();
    other.call(&["import", text(&file), "--json"]).await.fails(1, expect![[r#"
        {"shape":1,"error":{"code":"failed","message":"the export is incomplete: it has 3 complete lines, and the last of them is not the end of a part"}}
        error: the export is incomplete: it has 3 complete lines, and the last of them is not the end of a part
    "#]]);
    assert_eq!(other.call(&["events", "list", "--json"]).await.out, "");
    let missing = other.call(&["import", "/no/such/file"]).await;
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("/no/such/file"), "{}", missing.err);
}

#[tokio::test]
async fn log_is_copied_into_an_empty_one() {
    let bank = Bank::new().await;
    bank.call(&["copy", "memory:"]).await.prints(expect![[r#"
        copied: events: 4 up to position 4, command ids: 4, journal entries: 5, policies: 1
    "#]]);
    let called = bank.call(&["copy", "the log"]).await;
    assert_eq!(called.code, 1);
    assert!(called.err.contains("not empty"), "{}", called.err);
}
