//! What a power failure loses. It is simulated by a copy of what is certainly on the disk: commits that are not synced are missing.

use annalist_core::rows::{CommitOutcome, RowStore};

use super::{folds::*, *};

/// Copies the file and its write-ahead log, as they are now.
fn copy(from: &TestLog, to: &TestLog) {
    for end in ["", "-wal"] {
        let path = |log: &TestLog| format!("{}{end}", log.file().display());
        std::fs::copy(path(from), path(to)).unwrap();
    }
}

#[tokio::test]
async fn rows_are_lost_only_with_their_checkpoint_and_folded_again() {
    let (test_log, disk) = (TestLog::new(), TestLog::new());
    let store = test_log.open().await;
    store.define(&OWNERS, "", store.log_id()).await.unwrap();
    write(&store, events([draft("opened", &["a:1"], "0"), draft("opened", &["a:2"], "0")])).await;
    store.commit(change(&OWNERS, 0, 1, vec![owner(1, "Ann")])).await.unwrap();
    // Syncs the commit before it too.
    write(&store, events([draft("opened", &["a:3"], "0")])).await;
    copy(&test_log, &disk);
    store.commit(change(&OWNERS, 1, 3, vec![owner(2, "Bob"), owner(3, "Cid")])).await.unwrap();

    let store = disk.open().await;
    assert_eq!(positions(&all(&store).await), [1, 2, 3]);
    assert_eq!(found(&store, &OWNERS).await, [owner(1, "Ann")]);
    let stale = store.commit(change(&OWNERS, 3, 4, vec![])).await.unwrap();
    assert_eq!(stale, CommitOutcome::Stale(Position::new(1)));
    let again = change(&OWNERS, 1, 3, vec![owner(2, "Bob"), owner(3, "Cid")]);
    assert_eq!(store.commit(again).await.unwrap(), CommitOutcome::Done);
    assert_eq!(found(&store, &OWNERS).await.len(), 3);
    disk.assert_sound().await;
}
