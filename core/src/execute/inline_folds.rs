//! The folds of inline projections: an append takes them along, and the store runs them in the same transaction.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    daemon::{FollowerControl, State, Status},
    record::Draft,
    rows::{BuildId, Inline},
};

/// The inline folds of an app's projections.
#[derive(Default)]
pub(crate) struct InlineFolds {
    /// Whether any projection is registered as inline.
    is_used: bool,
    /// Sorted by name.
    projections: Vec<(Arc<FollowerControl>, watch::Receiver<Status>)>,
}

impl InlineFolds {
    /// `projections` are sorted by name.
    pub(crate) fn new(
        is_used: bool,
        projections: Vec<(Arc<FollowerControl>, watch::Receiver<Status>)>,
    ) -> Self {
        Self { is_used, projections }
    }

    /// Returns `true` if any projection is registered as inline.
    pub(super) fn is_used(&self) -> bool {
        self.is_used
    }

    /// The folds of the builds that are inline now and fold one of these events.
    pub(super) fn of_events(&self, events: &[Draft]) -> Vec<Arc<dyn Inline>> {
        if !self.is_used {
            return Vec::new();
        }
        let inline = self.projections.iter().filter_map(|(control, status)| {
            let status = status.borrow();
            let table = status.reads.filter(|_| status.state == State::Inline)?;
            control.follower.inline(table)
        });
        let folds =
            |inline: &Arc<dyn Inline>| events.iter().any(|event| inline.types().contains(&event.name()));
        inline.filter(folds).collect()
    }

    /// The folds of these builds; `None` if this program does not have all of them.
    pub(super) fn of_builds(&self, builds: &[BuildId]) -> Option<Vec<Arc<dyn Inline>>> {
        self.request_reconcile();
        let fold = |id: &BuildId| {
            let (control, _) = self
                .projections
                .iter()
                .find(|(control, _)| control.follower.table().projection == id.projection)?;
            let own = control.follower.table();
            (own.version == id.version).then(|| control.follower.inline(own.built(id.build)))?
        };
        builds.iter().map(fold).collect()
    }

    /// Requests that all projections compare their builds with those of the store: the store has other inline builds than this program
    /// knows.
    pub(super) fn request_reconcile(&self) {
        self.projections.iter().for_each(|(control, _)| control.request_reconcile());
    }
}
