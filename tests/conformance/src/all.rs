//! Several appends that stand or fall together, with the answer that a case expects.

use std::panic::Location;

use annalist_core::{
    record::Draft,
    store::{Append, AppendOutcome, Receipt},
};

use crate::{
    Failure,
    failure::Outcome,
    given::positions,
    log::{Handle, asked},
};

impl Handle {
    /// Appends together what must be accepted; gives a receipt for each.
    #[track_caller]
    pub(crate) fn all_accepted(&self, all: Vec<Append>) -> impl Future<Output = Outcome<Vec<Receipt>>> {
        asked(Location::caller(), async move {
            let wanted: Vec<Vec<_>> =
                all.iter().map(|sent| sent.events.iter().map(Draft::id).collect()).collect();
            match self.append(all).await? {
                AppendOutcome::Appended(receipts) => {
                    let ids = receipts.iter().map(|receipt| receipt.events.iter().map(|event| event.id));
                    let ids: Vec<Vec<_>> = ids.map(Iterator::collect).collect();
                    ensure_eq!(ids, wanted, "the events in the receipts");
                    let at = receipts.iter().flat_map(positions).collect::<Vec<_>>();
                    ensure!(at.is_sorted_by(|a, b| a < b), "positions grow over all of them, not {at:?}");
                    Ok(receipts)
                }
                other => Err(Failure::new(format!("all must be accepted, but the answer is {other:?}"))),
            }
        })
    }

    /// Appends together what must be refused; returns why.
    #[track_caller]
    pub(crate) fn none_accepted(
        &self,
        all: Vec<Append>,
    ) -> impl Future<Output = Outcome<AppendOutcome<Receipt>>> {
        asked(Location::caller(), async move {
            let count = all.len();
            match self.append(all).await? {
                AppendOutcome::Conflict { index, .. }
                | AppendOutcome::Duplicate { index, .. }
                | AppendOutcome::InlineRequired { index, .. }
                    if index >= count =>
                {
                    Err(Failure::new(format!("of {count} appends, append {index} is refused")))
                }
                AppendOutcome::Appended(receipts) => {
                    Err(Failure::new(format!("all must be refused, but they were accepted: {receipts:?}")))
                }
                refused => Ok(refused.map(|_| Receipt::default())),
            }
        })
    }
}
