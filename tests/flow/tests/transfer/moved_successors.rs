//! An older program is refused on another log as it is on the original.

use std::sync::Arc;

use annalist::{App, EventStore, ExecuteError, Invalid, transfer};
use annalist_flow_tests::successors::{Newer, book_older, check_log, older, renamed, split};

use super::logs::{EmptyLog, FORMS, Form, exported};

async fn older(store: &Arc<dyn EventStore>) -> App {
    App::builder(Arc::clone(store)).commands::<older::Book>().start().await.unwrap()
}

async fn newer(store: &Arc<dyn EventStore>, kind: Newer) -> App {
    let app = App::builder(Arc::clone(store));
    match kind {
        Newer::Renamed => app.commands::<renamed::Book>(),
        Newer::Split => app.commands::<split::Book>(),
    }
    .start()
    .await
    .unwrap()
}

/// Moves a log with events of an older and a newer program by both forms of an export and by a copy. The older program runs on the
/// targets already, and knows that they have no successors.
pub(crate) async fn check_successors(kind: Newer, from: EmptyLog, to: [EmptyLog; 3]) {
    let (app, newer) = (older(&from.store).await, newer(&from.store, kind).await);
    book_older(&app, "1", 1).await.unwrap();
    let since = kind.book(&newer, "1", 2).await.unwrap().position();
    assert!(book_older(&app, "1", 3).await.is_err());
    app.shut_down().await;
    newer.shut_down().await;

    let mut running = Vec::new();
    for to in &to {
        running.push(older(&to.store).await);
    }
    let [by_lines, by_events, by_copy] = &to;
    for (form, to) in FORMS.into_iter().zip([by_lines, by_events]) {
        let file = exported(&from.store, form).await;
        assert_eq!(transfer::import(&*to.store, &mut file.as_slice()).await.unwrap().successors, 1);
    }
    assert_eq!(transfer::copy(&*from.store, &*by_copy.store).await.unwrap().successors, 1);

    let expected = exported(&from.store, Form::Lines).await;
    for (to, running) in to.iter().zip(running) {
        assert_eq!(exported(&to.store, Form::Lines).await, expected);
        let unchecked = App::builder(Arc::clone(&to.store)).commands::<older::Book>();
        let unchecked = unchecked.unchecked_events([kind.name()]).start().await.unwrap();
        for app in [running, unchecked] {
            match book_older(&app, "1", 3).await {
                Err(ExecuteError::Invalid(Invalid::Superseded { successor, since: at, .. })) => {
                    assert_eq!((successor.as_str(), at), (kind.name(), since));
                }
                other => panic!("{other:?}"),
            }
            app.shut_down().await;
        }
        let app = self::newer(&to.store, kind).await;
        kind.book(&app, "1", 3).await.unwrap();
        let report = app.verify().await.unwrap();
        assert!(report.findings.is_empty(), "{report:?}");
        app.shut_down().await;
        check_log(&*to.store).await.unwrap();
    }
}
