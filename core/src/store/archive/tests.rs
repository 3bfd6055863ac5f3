use super::*;
use crate::store::{Rewrite, RewriteState, RewriteTarget};

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| Tag::parse(*text).unwrap()).collect()
}

fn close(ids: &[&str], file: &str) -> ArchiveStep {
    let at = Timestamp::from_micros(5);
    ArchiveStep::Close { ids: tags(ids), file: file.to_owned(), actor: Some("ann".to_owned()), at }
}

fn remove(number: u64, events: u64, shared_with: &[u64]) -> ArchiveStep {
    let removed = RemovedEvents { events, shared_with: shared_with.to_vec(), ..RemovedEvents::default() };
    ArchiveStep::Remove { number, file: "f".to_owned(), removed }
}

fn apply(step: &ArchiveStep, stored: &[Archive], list: &Successors) -> Result<ArchiveChange, Error> {
    step.apply(stored, Position::new(7), list, "log")
}

fn applied(step: &ArchiveStep, stored: &[Archive]) -> Archive {
    apply(step, stored, &Successors::default()).unwrap().archive
}

fn retag(state: RewriteState, version: u64) -> Successors {
    let retag = Rewrite {
        name: "paid".to_owned(),
        target: RewriteTarget::Tags { kind: "order".to_owned() },
        state,
        up_to: Position::START,
        events: 0,
        changed: 0,
        actor: None,
        started_at: Timestamp::from_micros(1),
        updated_at: Timestamp::from_micros(1),
        version,
    };
    Successors::new(version, Vec::new()).with_rewrites(vec![retag])
}

#[test]
fn ids_are_closed_once_and_one_archive_after_the_other() {
    let none = Successors::default();
    let first = applied(&close(&["b:2", "a:1", "a:1"], "one.jsonl"), &[]);
    assert_eq!((first.number, first.ids.clone(), first.up_to.get()), (1, tags(&["a:1", "b:2"]), 7));
    // The same ids continue the archive, with another file.
    let again = applied(&close(&["a:1", "b:2"], "two.jsonl"), std::slice::from_ref(&first));
    assert_eq!((again.number, again.file.as_str(), again.state), (1, "two.jsonl", ArchiveState::Closing));
    for ids in [&["a:1"][..], &["c:3"]] {
        assert!(apply(&close(ids, "f"), std::slice::from_ref(&first), &none).is_err());
    }
    let complete = applied(&remove(1, 0, &[]), std::slice::from_ref(&first));
    assert!(complete.version > 0 && complete.state == ArchiveState::Complete);
    let unchanged = apply(&close(&["b:2", "a:1"], "f"), std::slice::from_ref(&complete), &none).unwrap();
    assert!(!unchanged.is_change && unchanged.archive == complete);
    assert!(apply(&close(&["b:2", "c:3"], "f"), std::slice::from_ref(&complete), &none).is_err());
    assert_eq!(applied(&close(&["c:3"], "f"), std::slice::from_ref(&complete)).number, 2);
    assert_eq!(Archive::from_json(&complete.to_json().unwrap()).unwrap(), complete);
}

#[test]
fn record_names_the_file_that_has_the_events() {
    let one = applied(&close(&["a:1"], "f"), &[]);
    let other = applied(&close(&["a:1"], "another"), &[one]);
    assert_eq!(other.file, "another");
    let complete = applied(&remove(1, 3, &[]), &[other]);
    assert_eq!(complete.file, "f");
    // The call with the other file comes later, and changes nothing.
    let removed = RemovedEvents::default();
    let late = ArchiveStep::Remove { number: 1, file: "another".to_owned(), removed };
    assert_eq!(applied(&late, std::slice::from_ref(&complete)), complete);
}

#[test]
fn invalid_ids_files_and_actors_are_refused() {
    let many: Vec<String> = (0..=Archive::MAX_IDS).map(|number| format!("a:{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let none = Successors::default();
    for step in [close(&[], "f"), close(&many, "f"), close(&["a:1"], ""), close(&["a:1"], "a\0b")] {
        assert!(apply(&step, &[], &none).is_err(), "{step:?}");
    }
    let nameless = ArchiveStep::Close {
        ids: tags(&["a:1"]),
        file: "f".to_owned(),
        actor: Some(String::new()),
        at: Timestamp::from_micros(1),
    };
    assert!(apply(&nameless, &[], &none).is_err());
    assert!(apply(&remove(1, 0, &[]), &[], &none).is_err());
}

#[test]
fn retag_between_the_steps_is_noticed() {
    assert!(
        apply(&close(&["a:1"], "f"), &[], &retag(RewriteState::Running, 3)).unwrap_err().is_unavailable()
    );
    let closing = [applied(&close(&["a:1"], "f"), &[])];
    let later = retag(RewriteState::Complete, 3);
    assert!(apply(&remove(1, 0, &[]), &closing, &later).unwrap_err().is_unavailable());
    // Called again, it has read the tags of now.
    let again = [apply(&close(&["a:1"], "f"), &closing, &later).unwrap().archive];
    assert!(apply(&remove(1, 0, &[]), &again, &later).is_ok());
}

#[test]
fn untagged_condition_needs_a_marker_after_the_removed_events() {
    use crate::{
        criteria::Item,
        store::{Condition, Marker},
    };
    let unseen = |item: Item, settled| {
        let condition = Condition { criteria: item.into(), marker: Marker::new(Position::new(settled), 0) };
        Archive::unseen_removal(&condition, Position::new(5)).map(Position::get)
    };
    assert_eq!(unseen(Item::any().types(["paid"]), 4), Some(5));
    assert_eq!(unseen(Item::any().types(["paid"]), 5), None);
    assert_eq!(unseen(Item::any().tag(tags(&["a:1"]).remove(0)), 0), None);
}
