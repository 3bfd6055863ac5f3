//! Criteria of unusual texts and sizes.

use annalist_core::{
    criteria::{Criteria, Item},
    store::{Marker, Read},
};

use crate::{failure::Outcome, given::*, log::Log};

cases!("criteria": [
    tags_are_compared_byte_by_byte,
    type_names_are_compared_byte_by_byte,
    a_tag_counts_with_its_kind,
    hundreds_of_items,
    hundreds_of_types_and_dozens_of_tags_in_one_item,
]);

/// Values that a careless comparison takes for one another: by case, as a pattern, cut, trimmed, normalised, unescaped.
const ALIKE: &[&str] = &[
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
    let written: Vec<String> = ALIKE.iter().map(|value| format!("k:{value}")).collect();
    log.accepted(append(written.iter().map(|text| event("a", &[text, "all:1"])))).await?;
    let reads: Vec<Read> = written.iter().map(|text| read(&[], &[text])).collect();
    let seen = log.read(&reads).await?;
    for text in &written {
        for criteria in [of(&[], &[text]), of(&["a"], &[text]), of(&[], &[text, "all:1"])] {
            let found = log.look(Read::all(criteria.clone())).await?.records;
            ensure_eq!(found.len(), 1, "events of {criteria:?}");
            ensure_eq!(found[0].tags, tags(&["all:1", text]), "tags of the event of {criteria:?}");
            let refused = log.conflict(nothing().under(criteria, Marker::START)).await?;
            ensure_eq!(refused, (0, found[0].position), "what a condition on {text:?} met");
        }
    }
    // Each appended once more: it is news for its own tag and for nobody else's.
    for (index, (read, batch)) in reads.iter().zip(&seen).enumerate() {
        let sent = append([event("a", &[&written[index]])]);
        log.accepted(sent.under(read.criteria.clone(), batch.marker)).await?;
        let others = reads.iter().zip(&seen).skip(index + 1);
        let others =
            others.fold(nothing(), |sent, (read, batch)| sent.under(read.criteria.clone(), batch.marker));
        log.accepted(others).await?;
    }
    Ok(())
}

async fn type_names_are_compared_byte_by_byte(log: Log) -> Outcome {
    let names = [
        "one", "One", "ONE", "o_e", "o%", "%", "_", "on", "one1", "\\", "o\\_e", "'", "''", "\"", "é",
        "e\u{301}", "ß", "ss", "a,b", "{a}", "null", "NULL", "a:b", "😀", "a.b", "a/b", "--", "a$", "?",
    ];
    log.accepted(append(names.iter().map(|&name| event(name, &["all:1"])))).await?;
    for name in names {
        for criteria in [of(&[name], &[]), of(&[name], &["all:1"]), of(&[name, "nobody"], &["all:1"])] {
            let found = log.look(Read::all(criteria.clone())).await?.records;
            ensure_eq!(found.len(), 1, "events of {criteria:?}");
            ensure_eq!(found[0].name, name, "type of the event of {criteria:?}");
            let refused = log.conflict(nothing().under(criteria, Marker::START)).await?;
            ensure_eq!(refused, (0, found[0].position), "what a condition on {name:?} met");
        }
    }
    Ok(())
}

async fn a_tag_counts_with_its_kind(log: Log) -> Outcome {
    let at = log.accepted(append([event("a", &["from:1", "to:2"]), event("a", &["from:2", "to:1"])])).await?;
    let at = positions(&at);
    let wanted: &[(&[&str], &[_])] = &[
        (&["from:1"], &at[..1]),
        (&["to:1"], &at[1..]),
        (&["from:1", "to:1"], &[]),
        (&["from:2", "to:1"], &at[1..]),
    ];
    for (texts, wanted) in wanted {
        ensure_eq!(places(&log.look(read(&[], texts)).await?.records), *wanted, "positions of {texts:?}");
    }
    Ok(())
}

async fn hundreds_of_items(log: Log) -> Outcome {
    let at =
        log.accepted(append([event("a", &["n:3"]), event("b", &["n:499"]), event("a", &["n:500"])])).await?;
    let at = positions(&at);
    let by_tag: Criteria = (0..500).map(|n| item(&[], &[&format!("n:{n}")])).collect();
    let by_both: Criteria = (0..500).map(|n| item(&["a"], &[&format!("n:{n}")])).collect();
    let by_type: Criteria = (0..500).map(|n| item(&[&format!("t{n}"), "b"], &[])).collect();
    for (criteria, wanted) in [(by_tag, vec![at[0], at[1]]), (by_both, vec![at[0]]), (by_type, vec![at[1]])] {
        let batch = log.look(Read::all(criteria.clone())).await?;
        ensure_eq!(places(&batch.records), wanted, "positions of 500 items");
        let fed = log.drain(&criteria, annalist_core::record::Position::START, 2, at[2]).await?;
        ensure_eq!(places(&fed), wanted, "positions in the feed of 500 items");
        log.accepted(nothing().under(criteria.clone(), batch.marker)).await?;
        let refused = log.conflict(append([event("a", &[])]).under(criteria, Marker::START)).await?;
        ensure_eq!(refused, (0, wanted[wanted.len() - 1]), "what 500 items met");
    }
    Ok(())
}

async fn hundreds_of_types_and_dozens_of_tags_in_one_item(log: Log) -> Outcome {
    let texts: Vec<String> = (0..100).map(|n| format!("n:{n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let at =
        log.accepted(append([event("t299", &texts), event("t0", &texts[1..]), event("u", &texts)])).await?;
    let at = positions(&at);
    let wide = texts
        .iter()
        .fold(Item::any().types((0..300).map(|n| format!("t{n}"))), |item, text| item.tag(tag(text)));
    let batch = log.look(Read::all(wide.clone().into())).await?;
    ensure_eq!(places(&batch.records), [at[0]], "the one event with one of 300 types and all of 100 tags");
    ensure_eq!(batch.records[0].tags.len(), 100, "its tags");
    log.accepted(append([event("u", &texts)]).under(wide.clone(), batch.marker)).await?;
    let refused = log.conflict(append([event("u", &texts)]).under(wide, Marker::START)).await?;
    ensure_eq!(refused, (0, at[0]), "what a condition of 300 types and 100 tags met");
    Ok(())
}
