//! Appends, and what is kept inline with them.

use super::{App, Inner};
use crate::{
    error::Error,
    rows::BuildId,
    store::{Append, AppendOutcome},
};

impl App {
    /// How many decisions are written together. With inline builds it is one: it may have to be written again with others.
    pub(super) fn max_batch(&self) -> usize {
        if self.inner.daemon.keeps_inline() { 1 } else { self.inner.store.max_batch() }
    }

    /// Appends all of them or none, and adds the inline folds that the store requires, as far as this program has them.
    pub(super) async fn append(&self, mut appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        let Inner { store, daemon, .. } = &*self.inner;
        if !daemon.keeps_inline() {
            let outcome = store.append(appends).await;
            if let Ok(AppendOutcome::InlineRequired { .. }) = &outcome {
                daemon.request_reconcile();
            }
            return outcome;
        }
        let mut outcome = store.append(appends.clone()).await?;
        // One retry is enough, unless builds are promoted at the same time.
        for _ in 0..3 {
            let AppendOutcome::InlineRequired { index, builds } = &outcome else { break };
            let (Some(inline), Some(append)) = (daemon.inline_of(builds), appends.get_mut(*index)) else {
                break;
            };
            append.inline = inline;
            outcome = store.append(appends.clone()).await?;
        }
        Ok(outcome)
    }

    pub(super) fn not_kept_inline(&self, missing: &[BuildId]) -> Error {
        let operation = format!("append to {}", self.inner.store.describe());
        if self.inner.daemon.inline_of(missing).is_some() {
            return Error::unavailable(operation, "what is kept inline has just changed; try again");
        }
        let names: Vec<_> =
            missing.iter().map(|id| format!("`{}` version {}", id.projection, id.version)).collect();
        let reason = format!(
            "its appends keep {} up to date, and this program does not: start it with `.projection_with::<…>(ProjectionOptions::new()\
             .inline())` for each",
            names.join(", ")
        );
        Error::unusable(operation, reason)
    }
}
