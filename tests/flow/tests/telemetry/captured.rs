//! A subscriber that records the spans and log lines of the engine.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// The values of fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(pub(crate) BTreeMap<&'static str, String>);

impl Fields {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// A span.
#[derive(Clone, Debug)]
pub(crate) struct CapturedSpan {
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) fields: Fields,
    /// The index of its parent.
    pub(crate) parent: Option<usize>,
}

impl CapturedSpan {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.metadata.name() == name
    }
}

/// A log line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) at: Instant,
    pub(crate) fields: Fields,
}

impl Line {
    pub(crate) fn message(&self) -> &str {
        self.fields.get("message")
    }
}

#[derive(Debug, Default)]
struct Found {
    spans: Vec<CapturedSpan>,
    lines: Vec<Line>,
    /// The spans that are entered.
    current: Vec<usize>,
}

/// Records what the engine reports in this thread, while the guard of [`capture`] exists.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    level: Level,
    found: Arc<Mutex<Found>>,
}

/// Records spans and lines of this level and of more important ones.
pub(crate) fn capture(level: Level) -> (Captured, DefaultGuard) {
    let captured = Captured { level, found: Arc::default() };
    let guard = tracing::subscriber::set_default(captured.clone());
    (captured, guard)
}

impl Captured {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spans(&self) -> Vec<CapturedSpan> {
        self.found().spans.clone()
    }

    /// The indices of the spans with a name.
    pub(crate) fn named(&self, name: &str) -> Vec<usize> {
        let spans = self.spans();
        (0..spans.len()).filter(|index| spans[*index].is(name)).collect()
    }

    /// The ancestors of a span, nearest first.
    pub(crate) fn ancestors(&self, index: usize) -> Vec<usize> {
        let spans = self.spans();
        std::iter::successors(spans[index].parent, |index| spans[*index].parent).collect()
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.found().lines.clone()
    }

    /// The lines whose message contains a text.
    pub(crate) fn lines_with(&self, text: &str) -> Vec<Line> {
        self.lines().into_iter().filter(|line| line.message().contains(text)).collect()
    }
}

fn index_of(id: &span::Id) -> usize {
    usize::try_from(id.into_u64()).unwrap() - 1
}

impl Subscriber for Captured {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("annalist") && *metadata.level() <= self.level
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut found = self.found();
        let parent = match attributes.is_contextual() {
            true => found.current.last().copied(),
            false => attributes.parent().map(index_of),
        };
        found.spans.push(CapturedSpan { metadata: attributes.metadata(), fields, parent });
        span::Id::from_u64(found.spans.len() as u64)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.found().spans[index_of(span)].fields);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        self.found().lines.push(Line { level, at: Instant::now(), fields });
    }

    fn enter(&self, span: &span::Id) {
        self.found().current.push(index_of(span));
    }

    fn exit(&self, span: &span::Id) {
        let mut found = self.found();
        let last = found.current.iter().rposition(|entered| *entered == index_of(span));
        if let Some(last) = last {
            found.current.remove(last);
        }
    }
}
