//! `events`: shows stored events as they are.

use std::{collections::VecDeque, sync::Arc};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    feed::{Feed, LogWatcher},
    record::{Metadata, Name, Position, Record},
    store::{EventStore, PageLimit, Read},
    tag::Tag,
    time::Timestamp,
};
use clap::Subcommand;
use serde::Serialize;
use serde_json::{Deserializer, Serializer};
use uuid::Uuid;

use crate::{
    failure::Failure,
    json::Json,
    output::{Format, Output},
    selection::{Selection, position},
    text::{printable, table},
};

/// The number of events of a table, after which the columns are laid out again.
const PAGE: usize = 200;
/// How far `tail` looks back at first. It looks back further, twice as far each time, until it has enough events.
const FIRST_LOOK_BACK: u64 = 1_000;

/// What to do with events.
#[derive(Subcommand, Clone, Debug)]
pub enum Events {
    /// List events, the oldest first.
    List {
        #[command(flatten)]
        selection: Selection,
        /// The largest number of events.
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// List the last events.
    Tail {
        #[command(flatten)]
        selection: Selection,
        /// The number of events.
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        lines: usize,
        /// Go on with new events until the program is interrupted.
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show all of one event.
    Get {
        /// Its position in the log.
        #[arg(value_parser = position)]
        position: Position,
        #[command(flatten)]
        format: Format,
    },
}

impl Events {
    pub(crate) fn format(&self) -> Format {
        let (Self::List { format, .. } | Self::Tail { format, .. } | Self::Get { format, .. }) = self;
        *format
    }

    pub(crate) async fn run(
        self,
        store: &Arc<dyn EventStore>,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::List { selection, limit, .. } => list(&**store, &selection, limit, output).await,
            Self::Tail { selection, lines, follow, .. } => {
                tail(store, &selection, lines, follow, output).await
            }
            Self::Get { position, .. } => get(&**store, position, output).await,
        }
    }
}

async fn list(
    store: &dyn EventStore,
    selection: &Selection,
    limit: usize,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut printer = Printer::new();
    let mut left = limit;
    let mut last = selection.start(store).await?;
    let mut more = false;
    each_page(store, selection, &mut |records| {
        more = records.len() > left;
        let records: Vec<Record> = records.into_iter().take(left).collect();
        left -= records.len();
        last = records.last().map_or(last, |record| record.position);
        printer.print(&records, output)?;
        Ok(!more)
    })
    .await?;
    if more {
        return output.note(|| {
            format!("there are more: `--limit` lists more at once, `--after {last}` the following ones")
        });
    }
    printer.end(output)
}

/// Passes the selected events to a function, page by page, until it returns `false`.
pub(crate) async fn each_page(
    store: &dyn EventStore,
    selection: &Selection,
    each: &mut (dyn FnMut(Vec<Record>) -> Result<bool, Failure> + Send),
) -> Result<(), Failure> {
    let criteria = selection.criteria(store).await?;
    let mut after = selection.start(store).await?;
    loop {
        let page = store.feed(&criteria, after, PageLimit { records: PAGE, ..PageLimit::CHUNK }).await?;
        after = page.up_to;
        let is_full = page.is_full;
        if !each(selected(selection, page.records)?)? || !is_full {
            return Ok(());
        }
    }
}

fn selected(selection: &Selection, records: Vec<Record>) -> Result<Vec<Record>, Error> {
    let mut selected = Vec::with_capacity(records.len());
    for record in records {
        if selection.has(&record)? {
            selected.push(record);
        }
    }
    Ok(selected)
}

async fn tail(
    store: &Arc<dyn EventStore>,
    selection: &Selection,
    lines: usize,
    follow: bool,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let criteria = selection.criteria(&**store).await?;
    let start = selection.start(&**store).await?;
    let end = store.settled().await?.position;
    let last = last_events(&**store, selection, &criteria, start, end, lines).await?;
    let mut printer = Printer::new();
    printer.print(&last, output)?;
    if !follow {
        return printer.end(output);
    }
    let mut feed = Feed::new(LogWatcher::new(Arc::clone(store)), criteria).after(end.max(start));
    loop {
        let page = feed.next().await?;
        printer.print(&selected(selection, page.records)?, output)?;
    }
}

/// Reads the last selected events between two positions. A store has no search from the end, so windows of positions are read, each twice
/// as long as the one after it.
async fn last_events(
    store: &dyn EventStore,
    selection: &Selection,
    criteria: &Criteria,
    start: Position,
    end: Position,
    count: usize,
) -> Result<Vec<Record>, Failure> {
    let mut last: VecDeque<Record> = VecDeque::new();
    let (mut up_to, mut length) = (end, FIRST_LOOK_BACK);
    while last.len() < count && up_to > start {
        let after = Position::new(up_to.get().saturating_sub(length)).max(start);
        let window = window(
            store,
            selection,
            Read::all(criteria.clone()).after(after).up_to(up_to),
            count - last.len(),
        );
        for record in window.await?.into_iter().rev() {
            last.push_front(record);
        }
        up_to = after;
        length = length.saturating_mul(2);
    }
    Ok(last.into())
}

/// Reads the last selected events of a read. No more of them are in memory than these and a chunk.
async fn window(
    store: &dyn EventStore,
    selection: &Selection,
    read: Read,
    count: usize,
) -> Result<VecDeque<Record>, Failure> {
    let mut last: VecDeque<Record> = VecDeque::new();
    let mut add = |records| {
        last.extend(selected(selection, records)?);
        let superfluous = last.len().saturating_sub(count);
        last.drain(..superfluous);
        Ok(())
    };
    store.read_chunked(&read, &mut add).await?;
    Ok(last)
}

async fn get(store: &dyn EventStore, position: Position, output: &mut Output<'_>) -> Result<(), Failure> {
    let before = Position::new(position.get().saturating_sub(1));
    let batches = store.read(&[Read::all(Criteria::all()).after(before).up_to(position)]).await?;
    match batches.into_iter().flat_map(|batch| batch.records).next() {
        Some(record) => {
            let details = details(&record)?;
            output.print("event", || EventLine::of(&record), || details)
        }
        None => {
            let end = store.settled().await?.position;
            let reason =
                if position > end { format!("the log ends at {end}") } else { "it is a gap".to_owned() };
            Err(Failure::NotFound(format!("there is no event at position {position}; {reason}")))
        }
    }
}

/// Prints events as they come, with one heading.
struct Printer {
    count: usize,
}

impl Printer {
    fn new() -> Self {
        Self { count: 0 }
    }

    fn print(&mut self, records: &[Record], output: &mut Output<'_>) -> Result<(), Failure> {
        for page in records.chunks(PAGE) {
            let heading = (self.count == 0).then_some(["position", "time", "type", "tags", "actor", "data"]);
            self.count += page.len();
            output.print_all("event", page, EventLine::of, |page, width| {
                table(heading, page.iter().map(row), width)
            })?;
        }
        Ok(())
    }

    fn end(&self, output: &mut Output<'_>) -> Result<(), Failure> {
        if self.count == 0 { output.note(|| "no events".to_owned()) } else { Ok(()) }
    }
}

fn row(record: &Record) -> [String; 6] {
    let actor = record.metadata().ok().and_then(|metadata| metadata.actor.as_ref());
    [
        record.position.to_string(),
        record.recorded_at.to_string(),
        name_of(record),
        tags_of(record),
        actor.map(ToString::to_string).unwrap_or_default(),
        record.data.as_str().to_owned(),
    ]
}

/// The type of an event, with its version if it is not the first.
pub(crate) fn name_of(record: &Record) -> String {
    match record.version {
        1 => record.name.to_string(),
        version => format!("{} v{version}", record.name),
    }
}

pub(crate) fn tags_of(record: &Record) -> String {
    let tags: Vec<&str> = record.tags.iter().map(Tag::as_str).collect();
    tags.join(" ")
}

/// An event for programs, with the field names of an export.
#[derive(Serialize)]
pub(crate) struct EventLine<'a> {
    position: u64,
    id: Uuid,
    #[serde(rename = "type")]
    name: &'a str,
    version: u32,
    tags: Vec<&'a str>,
    recorded_at: Timestamp,
    /// `None` if they are damaged.
    metadata: Option<&'a Metadata>,
    data: Json<'a>,
}

impl<'a> EventLine<'a> {
    pub(crate) fn of(record: &'a Record) -> Self {
        Self {
            position: record.position.get(),
            id: record.id,
            name: &record.name,
            version: record.version,
            tags: record.tags.iter().map(Tag::as_str).collect(),
            recorded_at: record.recorded_at,
            metadata: record.metadata().ok(),
            data: Json::of(&record.data),
        }
    }
}

fn details(record: &Record) -> Result<String, Error> {
    let metadata = record.metadata()?;
    let text = |name: &Option<Name>| name.as_ref().map(ToString::to_string);
    let fields = [
        ("position", Some(record.position.to_string())),
        ("id", Some(record.id.to_string())),
        ("type", Some(record.name.to_string())),
        ("version", Some(record.version.to_string())),
        ("tags", Some(tags_of(record))),
        ("time", Some(record.recorded_at.to_string())),
        ("actor", text(&metadata.actor)),
        ("command", text(&metadata.command)),
        ("command id", text(&metadata.command_id)),
        ("correlation", text(&metadata.correlation)),
        ("causation", text(&metadata.causation)),
        ("trace", text(&metadata.trace)),
    ];
    let rows = fields.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
    let payload: Vec<String> = pretty(record).lines().map(printable).collect();
    Ok(format!("{}\n\n{}", table(None, rows, None), payload.join("\n")))
}

/// The payload with line breaks, or as it is stored if it is damaged and not JSON.
fn pretty(record: &Record) -> String {
    let text = record.data.as_str();
    let mut pretty = Vec::new();
    let mut serializer = Serializer::pretty(&mut pretty);
    let transcoded = serde_transcode::transcode(&mut Deserializer::from_str(text), &mut serializer);
    match (transcoded, String::from_utf8(pretty)) {
        (Ok(()), Ok(pretty)) => pretty,
        _ => text.to_owned(),
    }
}
