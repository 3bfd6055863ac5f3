//! The spans, log lines and metrics of a runner.

use tracing::{Instrument, Span};

use super::Runner;
use crate::{
    daemon::{BatchHandler, stop_reason::StopReason},
    record::{Position, Record},
    rows::Parked,
    telemetry::{Stopwatch, batch_span},
};

impl<H: BatchHandler> Runner<H> {
    /// Handles records as a batch that is observed: see `handle_records`.
    pub(super) async fn handle_batch(
        &mut self,
        records: &[Record],
        up_to: Position,
    ) -> Result<Option<usize>, StopReason> {
        self.backlog.set(records.first());
        let (span, stopwatch) = (self.batch_span(records, up_to), Stopwatch::start());
        let handled = self.handle_records(records, up_to).instrument(span).await?;
        if let Some(count) = handled {
            self.metrics.handled(count, stopwatch);
        }
        Ok(handled)
    }

    fn batch_span(&self, records: &[Record], up_to: Position) -> Span {
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
