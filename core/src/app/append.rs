//! Appends, and what is kept inline with them.

use super::{App, Inner};
use crate::{
    error::Error,
    rows::InlineId,
    store::{Append, Appended, AppendedAll},
};

impl App {
    /// How many decisions are written together. With inline builds it is one: it may have to be written again with others.
    pub(super) fn most_at_once(&self) -> usize {
        if self.inner.read_side.keeps_inline() { 1 } else { self.inner.store.most_at_once() }
    }

    /// Appends all or none.
    pub(super) async fn append_all(&self, mut appends: Vec<Append>) -> Result<AppendedAll, Error> {
        if appends.len() > 1 {
            let answer = self.inner.store.append_all(appends).await;
            if let Ok(AppendedAll::Refused { by: Appended::Inline(_), .. }) = &answer {
                self.inner.read_side.look();
            }
            return answer;
        }
        match appends.pop() {
            Some(append) => self.append(append).await.map(AppendedAll::from),
            None => Ok(AppendedAll::Done(Vec::new())),
        }
    }

    /// Appends, and brings the inline builds along that the store asks for, as far as this program keeps them.
    async fn append(&self, append: Append) -> Result<Appended, Error> {
        let Inner { store, read_side, .. } = &*self.inner;
        if !read_side.keeps_inline() {
            let answer = store.append(append).await;
            if let Ok(Appended::Inline(_)) = &answer {
                read_side.look();
            }
            return answer;
        }
        let mut answer = store.append(append.clone()).await?;
        // Once is enough, unless builds are switched just then.
        for _ in 0..3 {
            let Appended::Inline(wanted) = &answer else { break };
            let Some(inline) = read_side.inline_of(wanted) else { break };
            answer = store.append(Append { inline, ..append.clone() }).await?;
        }
        Ok(answer)
    }

    pub(super) fn not_kept_inline(&self, missing: &[InlineId]) -> Error {
        let operation = format!("append to {}", self.inner.store.describe());
        if self.inner.read_side.inline_of(missing).is_some() {
            return Error::unavailable(operation, "what is kept inline has just changed; try again");
        }
        let names: Vec<_> =
            missing.iter().map(|id| format!("`{}` version {}", id.projection, id.version)).collect();
        let reason = format!(
            "its appends keep {} up to date, and this program does not: start it with `.projection_with::<…>(Keep::new()\
             .inline())` for each",
            names.join(", ")
        );
        Error::unusable(operation, reason)
    }
}
