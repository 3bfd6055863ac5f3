//! Criteria with unusual texts and sizes.

use annalist_core::{
    criteria::{Criteria, Item},
    store::{Marker, Read},
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, log::Log},
};

cases!("criteria": [
    tags_are_compared_byte_by_byte,
    type_names_are_compared_byte_by_byte,
    tag_is_compared_with_its_kind,
    hundreds_of_items_in_one_criteria,
    hundreds_of_types_and_tags_in_one_item,
]);

/// Values that become equal if a store folds case, matches patterns, truncates, trims, normalises or unescapes.
const SIMILAR: &[&str] = &[
    "",
    "1",
    "10",
    "1 ",
    " 1",
    "01",
    "1\t",
    "1\n",
    "one",
    "One",
    "ONE",
    "o_e",
    "o%",
    "%",
    "_",
    "o\\_e",
    "\\",
    "\\\\",
    "'",
    "''",
    "\"",
    "é",
    "e\u{301}",
    "É",
    "ß",
    "ss",
    "ı",
    "i",
    "\u{1f}",
    "\u{1}",
    "\u{7f}",
    "a\u{1f}b",
    "a,b",
    "{a}",
    "{}",
    "[]",
    "null",
    "NULL",
    "a:b",
    "a;b",
    "--",
    "😀",
    "\u{feff}1",
    "1\u{200b}",
    "$1",
    "?",
    ":1",
];

async fn tags_are_compared_byte_by_byte(log: Log) -> Outcome {
    let written: Vec<String> = SIMILAR.iter().map(|value| format!("k:{value}")).collect();
    log.expect_accepted(append(written.iter().map(|text| event("a", &[text, "all:1"])))).await?;
    let reads: Vec<Read> = written.iter().map(|text| read(&[], &[text])).collect();
    let seen = log.read(&reads).await?;
    for text in &written {
        for criteria in
            [criteria_for(&[], &[text]), criteria_for(&["a"], &[text]), criteria_for(&[], &[text, "all:1"])]
        {
            let found = log.read_one(Read::all(criteria.clone())).await?.records;
            ensure_eq!(found.len(), 1, "number of events of {criteria:?}");
            ensure_eq!(found[0].tags, tags(&["all:1", text]), "tags of the event of {criteria:?}");
            let refused = log.expect_conflict(empty_append().if_unchanged(criteria, Marker::START)).await?;
            ensure_eq!(
                refused,
                (0, found[0].position),
                "failed condition and conflicting position of a condition on {text:?}"
            );
        }
    }
    // Another event with each tag conflicts with the conditions on this tag and with no other.
    for (index, (read, batch)) in reads.iter().zip(&seen).enumerate() {
        let request = append([event("a", &[&written[index]])]);
        log.expect_accepted(request.if_unchanged(read.criteria.clone(), batch.marker)).await?;
        let others = reads.iter().zip(&seen).skip(index + 1);
        let others = others.fold(empty_append(), |request, (read, batch)| {
            request.if_unchanged(read.criteria.clone(), batch.marker)
        });
        log.expect_accepted(others).await?;
    }
    Ok(())
}

async fn type_names_are_compared_byte_by_byte(log: Log) -> Outcome {
    let names = [
        "one", "One", "ONE", "o_e", "o%", "%", "_", "on", "one1", "\\", "o\\_e", "'", "''", "\"", "é",
        "e\u{301}", "ß", "ss", "a,b", "{a}", "null", "NULL", "a:b", "😀", "a.b", "a/b", "--", "a$", "?",
    ];
    log.expect_accepted(append(names.iter().map(|&name| event(name, &["all:1"])))).await?;
    for name in names {
        for criteria in [
            criteria_for(&[name], &[]),
            criteria_for(&[name], &["all:1"]),
            criteria_for(&[name, "unused"], &["all:1"]),
        ] {
            let found = log.read_one(Read::all(criteria.clone())).await?.records;
            ensure_eq!(found.len(), 1, "number of events of {criteria:?}");
            ensure_eq!(found[0].name, name, "type of the event of {criteria:?}");
            let refused = log.expect_conflict(empty_append().if_unchanged(criteria, Marker::START)).await?;
            ensure_eq!(
                refused,
                (0, found[0].position),
                "failed condition and conflicting position of a condition on {name:?}"
            );
        }
    }
    Ok(())
}

async fn tag_is_compared_with_its_kind(log: Log) -> Outcome {
    let at = log
        .expect_accepted(append([event("a", &["from:1", "to:2"]), event("a", &["from:2", "to:1"])]))
        .await?;
    let at = positions(&at);
    let selections: &[(&[&str], &[_])] = &[
        (&["from:1"], &at[..1]),
        (&["to:1"], &at[1..]),
        (&["from:1", "to:1"], &[]),
        (&["from:2", "to:1"], &at[1..]),
    ];
    for (texts, expected) in selections {
        ensure_eq!(
            positions_of(&log.read_one(read(&[], texts)).await?.records),
            *expected,
            "positions of the events with the tags {texts:?}"
        );
    }
    Ok(())
}

async fn hundreds_of_items_in_one_criteria(log: Log) -> Outcome {
    let at = log
        .expect_accepted(append([event("a", &["n:3"]), event("b", &["n:499"]), event("a", &["n:500"])]))
        .await?;
    let at = positions(&at);
    let by_tag: Criteria = (0..500).map(|n| item(&[], &[&format!("n:{n}")])).collect();
    let by_both: Criteria = (0..500).map(|n| item(&["a"], &[&format!("n:{n}")])).collect();
    let by_type: Criteria = (0..500).map(|n| item(&[&format!("t{n}"), "b"], &[])).collect();
    for (criteria, expected) in [(by_tag, vec![at[0], at[1]]), (by_both, vec![at[0]]), (by_type, vec![at[1]])]
    {
        let batch = log.read_one(Read::all(criteria.clone())).await?;
        ensure_eq!(positions_of(&batch.records), expected, "positions of the events of 500 items");
        let fed = log.feed_until(&criteria, annalist_core::record::Position::START, 2, at[2]).await?;
        ensure_eq!(positions_of(&fed), expected, "positions of the events in the feed of 500 items");
        log.expect_accepted(empty_append().if_unchanged(criteria.clone(), batch.marker)).await?;
        let refused =
            log.expect_conflict(append([event("a", &[])]).if_unchanged(criteria, Marker::START)).await?;
        ensure_eq!(
            refused,
            (0, expected[expected.len() - 1]),
            "failed condition and conflicting position of a condition with 500 items"
        );
    }
    Ok(())
}

async fn hundreds_of_types_and_tags_in_one_item(log: Log) -> Outcome {
    let texts: Vec<String> = (0..100).map(|n| format!("n:{n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let at = log
        .expect_accepted(append([event("t299", &texts), event("t0", &texts[1..]), event("u", &texts)]))
        .await?;
    let at = positions(&at);
    let wide = texts
        .iter()
        .fold(Item::any().types((0..300).map(|n| format!("t{n}"))), |item, text| item.tag(tag(text)));
    let batch = log.read_one(Read::all(wide.clone().into())).await?;
    ensure_eq!(
        positions_of(&batch.records),
        [at[0]],
        "position of the event with one of 300 types and all of 100 tags"
    );
    ensure_eq!(batch.records[0].tags.len(), 100, "number of tags of the event");
    log.expect_accepted(append([event("u", &texts)]).if_unchanged(wide.clone(), batch.marker)).await?;
    let refused = log.expect_conflict(append([event("u", &texts)]).if_unchanged(wide, Marker::START)).await?;
    ensure_eq!(
        refused,
        (0, at[0]),
        "failed condition and conflicting position of a condition with 300 types and 100 tags"
    );
    Ok(())
}
