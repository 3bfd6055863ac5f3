//! The folds of inline projections: an append takes them along, and the store runs them in the same transaction.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    daemon::{FollowerControl, State, Status},
    record::Draft,
    rows::{BuildId, Inline, Table},
};

/// The inline folds of an app's projections.
#[derive(Default)]
pub(crate) struct InlineFolds {
    /// Whether any projection is registered as inline.
    is_used: bool,
    /// Sorted by name.
    projections: Vec<(Arc<FollowerControl>, watch::Receiver<Status>)>,
    /// The names of projections that this program no longer has.
    removed: Vec<&'static str>,
}

impl InlineFolds {
    /// `projections` are sorted by name.
    pub(crate) fn new(
        is_used: bool,
        projections: Vec<(Arc<FollowerControl>, watch::Receiver<Status>)>,
        removed: Vec<&'static str>,
    ) -> Self {
        Self { is_used, projections, removed }
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
        builds.iter().map(|id| self.of_build(id)).collect()
    }

    /// The fold of a build, if this program has it.
    pub(super) fn of_build(&self, id: &BuildId) -> Option<Arc<dyn Inline>> {
        let follower = &self.control(id)?.follower;
        let own = follower.table();
        (own.version == id.version).then(|| follower.inline(own.built(id.build)))?
    }

    /// The table of a build, if this program knows the projection: in another version, in the background, or as removed.
    pub(super) fn known_table(&self, id: &BuildId) -> Option<Table> {
        let running = self.control(id).map(|control| control.follower.table().projection);
        let name = || self.removed.iter().copied().find(|name| *name == id.projection);
        let BuildId { version, build, .. } = *id;
        Some(Table { projection: running.or_else(name)?, version, build, columns: &[] })
    }

    fn control(&self, id: &BuildId) -> Option<&FollowerControl> {
        let controls = self.projections.iter().map(|(control, _)| &**control);
        controls.into_iter().find(|control| control.follower.table().projection == id.projection)
    }

    /// Requests that all projections compare their builds with those of the store: the store has other inline builds than this program
    /// knows.
    pub(super) fn request_reconcile(&self) {
        self.projections.iter().for_each(|(control, _)| control.request_reconcile());
    }
}
