//! The verification of what is in memory.

use annalist_core::{
    finding::{EventReference, Finding, FindingKind, VerifyCursor, VerifyPage},
    record::{Position, Record},
    rows::{Anchor, BuildId, Parked},
    store::{AcceptedCommand, Entry, EventRef, LogId, Outcome, Successor},
};

use crate::{
    log::Log,
    rows::{BuildData, Rows},
};

/// The parts of a log, in the order in which they are checked.
const PARTS: &[&str] = &["events", "event_tags", "commands", "journal", "successors", SNAPSHOTS];

/// The part that [`verify_snapshots`] checks.
pub(crate) const SNAPSHOTS: &str = "snapshots";

/// The parts of the rows.
const ROW_PARTS: &[&str] = &["builds", "parked"];

/// One page of the log.
pub(crate) fn verify(log: &Log, up_to: Position, after: &VerifyCursor) -> VerifyPage {
    let Some(part) = after.part_of(PARTS) else { return VerifyPage::default() };
    let mut page = Page::default();
    let first = after.key.first().map(String::as_str);
    let number = first.and_then(|key| key.parse().ok()).unwrap_or_default();
    match part {
        "events" => {
            for (expected, record) in log.records().after(Position::new(number)).take(Page::MAX_ROWS) {
                if expected > up_to {
                    break;
                }
                page.events += 1;
                page.add(expected.to_string(), check_record(log, record, expected));
            }
        }
        "event_tags" => {
            // All rows of a tag are in one page: they are in one map.
            for tag in log.records().tags_after(first).into_iter().take(Page::MAX_ROWS) {
                page.findings.extend(log.records().strays(tag).into_iter().map(|(name, position)| {
                    let problem = format!(
                        "the tag index has a row of tag `{tag}` with type `{name}`, but the event does not"
                    );
                    Finding::at(FindingKind::Tags, position, problem)
                }));
                page.add(tag.to_string(), None);
            }
        }
        "commands" => {
            for (id, accepted) in log.commands_after(first).take(Page::MAX_ROWS) {
                page.add(id.clone(), check_command(log, id, accepted));
            }
        }
        "successors" => {
            let last = first.zip(after.key.get(1).map(String::as_str));
            let all = log.successors().all().iter();
            let after = all.skip_while(|one| last.is_some_and(|last| (one.of(), one.name()) <= last));
            for successor in after.take(Page::MAX_ROWS) {
                let key = vec![successor.of().to_owned(), successor.name().to_owned()];
                page.add_key(key, check_successor(log, successor));
            }
        }
        _ => {
            for entry in log.journal_after(number).take(Page::MAX_ROWS) {
                page.add(entry.number.to_string(), check_entry(log, entry));
            }
        }
    }
    page.finish(PARTS, part)
}

/// One page of snapshots: their aggregates, tags and positions.
pub(crate) fn verify_snapshots(log: &Log, snapshots: Vec<(String, String, Position)>) -> VerifyPage {
    let mut page = Page::default();
    for (aggregate, tag, position) in snapshots {
        let finding = check_snapshot(log, &aggregate, &tag, position);
        page.add_key(vec![aggregate, tag], finding);
    }
    page.finish(PARTS, SNAPSHOTS)
}

/// One page of the builds and their parked events.
pub(crate) fn verify_rows(rows: &Rows, log: &Log, after: &VerifyCursor) -> VerifyPage {
    let Some(part) = after.part_of(ROW_PARTS) else { return VerifyPage::default() };
    let mut page = Page::default();
    if part == "builds" {
        for (id, data) in rows.builds_after(build_of(&after.key).as_ref()).take(Page::MAX_ROWS) {
            check_build(&mut page, rows, log, id, data);
            page.add_key(key_of(id), None);
        }
    } else {
        let last = build_of(&after.key).zip(after.key.get(3).and_then(|key| key.parse().ok()));
        let last = last.map(|(id, position)| (id, Position::new(position)));
        for (id, data, parked) in rows.parked_after(last.as_ref()).take(Page::MAX_ROWS) {
            check_parked(&mut page, log, id, data, parked);
            let key = key_of(id).into_iter().chain([parked.position.to_string()]).collect();
            page.add_key(key, None);
        }
    }
    page.finish(ROW_PARTS, part)
}

/// A page in progress.
#[derive(Default)]
struct Page {
    events: u64,
    rows: u64,
    findings: Vec<Finding>,
    references: Vec<EventReference>,
    key: Vec<String>,
}

impl Page {
    const MAX_ROWS: usize = VerifyPage::MAX_ROWS as usize;

    fn add(&mut self, key: String, finding: Option<Finding>) {
        self.add_key(vec![key], finding);
    }

    /// Counts a row with this key.
    fn add_key(&mut self, key: Vec<String>, finding: Option<Finding>) {
        self.rows += 1;
        self.key = key;
        self.findings.extend(finding);
    }

    /// Checks a reference to this log, or adds one to another log.
    fn refer(&mut self, log: &Log, of: LogId, kind: FindingKind, id: &BuildId, to: EventRef) {
        let place = place_of(id);
        if of != log.id() {
            let event = Some(to.id);
            self.references.push(EventReference { log: of, kind, place, position: to.position, event });
        } else if let Some(problem) = missing(log, to) {
            self.findings.push(Finding { position: Some(to.position), ..Finding::of(kind, place, problem) });
        }
    }

    fn finish(self, parts: &[&'static str], part: &'static str) -> VerifyPage {
        let Self { events, rows, findings, references, key } = self;
        VerifyPage { events, rows, findings, references, next: VerifyCursor::next(parts, part, rows, key) }
    }
}

fn check_record(log: &Log, record: &Record, expected: Position) -> Option<Finding> {
    if record.position != expected {
        let problem = format!("it is stored in the place of position {expected}");
        return Some(Finding::at(FindingKind::Gap, record.position, problem));
    }
    if let Some(problem) = log.records().missing_in_index(record) {
        return Some(Finding::at(FindingKind::Tags, record.position, problem));
    }
    Finding::of_record(record)
}

fn check_command(log: &Log, id: &str, accepted: &AcceptedCommand) -> Option<Finding> {
    let problem = accepted.receipt.events.iter().find_map(|event| missing(log, *event))?;
    Some(Finding::of(FindingKind::CommandId, format!("command id `{id}`"), problem))
}

fn check_successor(log: &Log, successor: &Successor) -> Option<Finding> {
    let since = successor.since();
    let problem = match log.records().at(since) {
        None if log.records().event_at(since).is_some() => return None,
        None => format!("the log has no event at position {since}, where it begins"),
        Some(record) if record.name != successor.name() => {
            format!("the event at position {since}, where it begins, has type `{}`", record.name)
        }
        Some(_) => return None,
    };
    let place = format!("successor `{}` of `{}`", successor.name(), successor.of());
    Some(Finding::of(FindingKind::Successor, place, problem))
}

fn check_entry(log: &Log, entry: &Entry) -> Option<Finding> {
    let positions = match &entry.outcome {
        Outcome::Accepted(positions) => positions.as_slice(),
        Outcome::Rejected(_) => &[],
    };
    let Some(position) = positions.iter().find(|position| log.records().event_at(**position).is_none())
    else {
        return Finding::of_journaled(entry.number, &entry.body);
    };
    let problem = format!("the log has no event at position {position}");
    Some(Finding::of(FindingKind::Journal, format!("journal entry {}", entry.number), problem))
}

fn check_snapshot(log: &Log, aggregate: &str, tag: &str, position: Position) -> Option<Finding> {
    let end = log.head();
    if position > Position::START && position <= end {
        return None;
    }
    let place = format!("snapshot of `{aggregate}` `{tag}`");
    let problem = format!("it is at position {position}, and the log ends at {end}");
    Some(Finding::of(FindingKind::Snapshot, place, problem))
}

fn check_build(page: &mut Page, rows: &Rows, log: &Log, id: &BuildId, data: &BuildData) {
    let mut add = |kind, problem: String| page.findings.push(Finding::of(kind, place_of(id), problem));
    let (checkpoint, end) = (&data.checkpoint, log.head());
    let parked = data.parked.len() as u64;
    if checkpoint.parked != parked {
        let problem =
            format!("its checkpoint counts {} parked events, and {parked} are stored", checkpoint.parked);
        add(FindingKind::Parked, problem);
    }
    let is_other = |other: &&(&BuildId, &BuildData)| other.1.live && other.0 < id;
    if data.live
        && let Some((other, _)) = rows.builds_of(&id.projection).iter().find(is_other)
    {
        add(FindingKind::Build, format!("it is live, and so is {}", place_of(other)));
    }
    if checkpoint.anchor.is_some_and(|anchor| anchor.position > checkpoint.position) {
        add(
            FindingKind::Checkpoint,
            format!("its anchor is after its checkpoint at {}", checkpoint.position),
        );
    }
    if data.log == log.id() && checkpoint.position > end {
        let problem =
            format!("its checkpoint is at position {}, and the log ends at {end}", checkpoint.position);
        add(FindingKind::Checkpoint, problem);
    }
    if data.log != log.id() {
        let (log, kind, place, position) =
            (data.log, FindingKind::Checkpoint, place_of(id), checkpoint.position);
        page.references.push(EventReference { log, kind, place, position, event: None });
    }
    if let Some(Anchor { position, event }) = checkpoint.anchor {
        page.refer(log, data.log, FindingKind::Checkpoint, id, EventRef { position, id: event });
    }
}

fn check_parked(page: &mut Page, log: &Log, id: &BuildId, data: &BuildData, parked: &Parked) {
    let Parked { position, event, .. } = *parked;
    if position > data.checkpoint.position {
        let problem = format!(
            "the event at position {position} is parked after the checkpoint at {}",
            data.checkpoint.position
        );
        page.findings.push(Finding::of(FindingKind::Parked, place_of(id), problem));
    }
    page.refer(log, data.log, FindingKind::Parked, id, EventRef { position, id: event });
}

/// Why an event that something refers to is not in the log.
fn missing(log: &Log, EventRef { position, id }: EventRef) -> Option<String> {
    match log.records().event_at(position).map(|event| event.id) {
        Some(found) if found == id => None,
        Some(found) => {
            Some(format!("it refers to event {id} at position {position}, where the log has event {found}"))
        }
        None => Some(format!("it refers to event {id} at position {position}, where the log has no event")),
    }
}

fn place_of(id: &BuildId) -> String {
    let BuildId { projection, version, build } = id;
    match build {
        0 => format!("build `{projection}_v{version}`"),
        build => format!("build `{projection}_v{version}_{build}`"),
    }
}

fn key_of(id: &BuildId) -> Vec<String> {
    vec![id.projection.clone(), id.version.to_string(), id.build.to_string()]
}

fn build_of(key: &[String]) -> Option<BuildId> {
    let [projection, version, build, ..] = key else { return None };
    Some(BuildId {
        projection: projection.clone(),
        version: version.parse().ok()?,
        build: build.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use annalist_core::{
        payload::Payload,
        record::{Draft, Name, StoredMetadata},
        store::{Append, CommandKey, JournalRecord},
        tag::Tag,
    };

    use super::*;

    /// A log with three events, each with a command id and a journal entry.
    fn log() -> Log {
        let mut log = Log::default();
        for (number, kind) in (1..).zip(["opened", "paid", "paid"]) {
            let payload = || Payload::parse("{}").unwrap();
            let name = |text: String| Name::new("name", text).unwrap();
            let tags = [Tag::new("account", number).unwrap()];
            log.write(Append {
                events: vec![Draft::new(kind, 1, tags, payload()).unwrap()],
                key: Some(CommandKey::new(name(format!("c-{number}")), name("pay".to_owned()), [])),
                journal: Some(JournalRecord { body: payload(), rejection: None }),
                ..Append::default()
            });
        }
        log
    }

    fn findings(log: &Log) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut cursor = Some(VerifyCursor::default());
        while let Some(after) = cursor.filter(|after| after.part != SNAPSHOTS) {
            let page = verify(log, Position::new(3), &after);
            findings.extend(page.findings);
            cursor = page.next;
        }
        findings
    }

    /// Damages a log, and asserts that the finding is of this kind, at this place, with this problem.
    #[track_caller]
    fn assert_found(damage: impl FnOnce(&mut Log), kind: FindingKind, place: &str, problem: &str) {
        let mut log = log();
        assert_eq!(findings(&log), []);
        damage(&mut log);
        let findings = findings(&log);
        let is_it = |one: &Finding| one.kind == kind && one.place == place && one.problem.contains(problem);
        assert!(findings.iter().any(is_it), "{findings:?}");
    }

    #[test]
    fn each_damage_is_found_at_its_place() {
        use FindingKind::{CommandId, Event, Gap, Journal, Successor, Tags};

        let rename = |log: &mut Log| log.damage().0[1].name = "lost".into();
        assert_found(rename, Tags, "position 2", "no row of type `lost`");
        assert_found(rename, Tags, "position 2", "row of tag `account:2` with type `paid`");
        let retag = |log: &mut Log| log.damage().0[1].tags = vec![Tag::new("account", 9).unwrap()];
        assert_found(retag, Tags, "position 2", "no row of tag `account:9`");
        let cut = |log: &mut Log| log.damage().0.truncate(2);
        assert_found(cut, Tags, "position 3", "row of tag `account:3`");
        assert_found(cut, CommandId, "command id `c-3`", "at position 3, where the log has no event");
        assert_found(cut, Journal, "journal entry 3", "no event at position 3");
        let swap = |log: &mut Log| log.damage().0.swap(0, 2);
        assert_found(swap, Gap, "position 3", "in the place of position 1");
        assert_found(swap, CommandId, "command id `c-1`", "where the log has event");
        let data = |log: &mut Log| log.damage().0[2].data = Payload::from_stored("{");
        assert_found(data, Event, "position 3", "not JSON");
        let metadata = |log: &mut Log| log.damage().0[2].stored_metadata = StoredMetadata::from_stored("7");
        assert_found(metadata, Event, "position 3", "metadata");
        let body = |log: &mut Log| log.damage().2[0].body = Payload::from_stored("{");
        assert_found(body, Journal, "journal entry 1", "not JSON");
        let stored = |position| {
            move |log: &mut Log| {
                let successor = annalist_core::store::Successor::renamed("old", "closed").unwrap();
                log.damage_successors().add(vec![successor.stored_at(Position::new(position))]);
            }
        };
        assert_found(
            stored(2),
            Successor,
            "successor `closed` of `old`",
            "position 2, where it begins, has type",
        );
        assert_found(stored(9), Successor, "successor `closed` of `old`", "no event at position 9");
        let forget = |log: &mut Log| {
            let (records, commands, _) = log.damage();
            commands.get_mut("c-1").unwrap().receipt.events[0].id = records[1].id;
        };
        assert_found(forget, CommandId, "command id `c-1`", "where the log has event");
    }

    #[test]
    fn snapshot_after_the_end_of_the_log_is_found() {
        let page = |position| {
            let snapshot = ("Account".to_owned(), "account:1".to_owned(), Position::new(position));
            verify_snapshots(&log(), vec![snapshot]).findings
        };
        assert_eq!(page(3), []);
        assert_eq!(page(4)[0].place, "snapshot of `Account` `account:1`");
    }
}
