//! Appends, and what is kept inline with them.

use super::{App, Inner};
use crate::{
    error::Error,
    rows::BuildId,
    store::{Append, AppendAllOutcome, AppendOutcome},
};

impl App {
    /// How many decisions are written together. With inline builds it is one: it may have to be written again with others.
    pub(super) fn max_batch(&self) -> usize {
        if self.inner.daemon.keeps_inline() { 1 } else { self.inner.store.max_batch() }
    }

    /// Appends all or none.
    pub(super) async fn append_batch(&self, mut appends: Vec<Append>) -> Result<AppendAllOutcome, Error> {
        if appends.len() > 1 {
            let answer = self.inner.store.append_batch(appends).await;
            if let Ok(AppendAllOutcome::Refused { by: AppendOutcome::InlineRequired(_), .. }) = &answer {
                self.inner.daemon.request_reconcile();
            }
            return answer;
        }
        match appends.pop() {
            Some(append) => self.append(append).await.map(AppendAllOutcome::from),
            None => Ok(AppendAllOutcome::Done(Vec::new())),
        }
    }

    /// Appends, and brings the inline builds along that the store asks for, as far as this program keeps them.
    async fn append(&self, append: Append) -> Result<AppendOutcome, Error> {
        let Inner { store, daemon, .. } = &*self.inner;
        if !daemon.keeps_inline() {
            let answer = store.append(append).await;
            if let Ok(AppendOutcome::InlineRequired(_)) = &answer {
                daemon.request_reconcile();
            }
            return answer;
        }
        let mut answer = store.append(append.clone()).await?;
        // Once is enough, unless builds are switched just then.
        for _ in 0..3 {
            let AppendOutcome::InlineRequired(wanted) = &answer else { break };
            let Some(inline) = daemon.inline_of(wanted) else { break };
            answer = store.append(Append { inline, ..append.clone() }).await?;
        }
        Ok(answer)
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
