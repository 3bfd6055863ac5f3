//! The spans and log lines of a runner.

use tracing::Span;

use super::Runner;
use crate::{
    daemon::BatchHandler,
    record::{Position, Record},
    rows::Parked,
    telemetry::batch_span,
};

impl<H: BatchHandler> Runner<H> {
    /// The span in which records are handled and committed.
    pub(super) fn batch_span(&self, records: &[Record], up_to: Position) -> Span {
        let table = self.handler.table();
        let link = || match records {
            [record] => record.trace(),
            _ => None,
        };
        batch_span(table.projection, || table.name(), records.len(), (self.saved, up_to), link)
    }

    /// Logs why it waits, at once and every minute: the pauses between the attempts are shorter.
    pub(super) fn log_wait(&mut self, reason: &str) {
        if self.waiting.is_due(reason) {
            tracing::warn!(name = self.name(), position = self.saved.get(), reason, "waiting to try again");
        }
    }

    /// Logs the first event of a batch that is parked because it failed, and the number of the events that are parked with it.
    pub(super) fn log_parked(&self, park: &[Parked]) {
        if let Some(first) = park.iter().find(|parked| parked.attempts > 0) {
            tracing::error!(
                name = self.name(),
                position = first.position.get(),
                event = %first.event,
                error = first.error,
                parked = park.len(),
                "an event is parked, and later events of its key wait for it: see `App::parked`"
            );
        }
    }
}
