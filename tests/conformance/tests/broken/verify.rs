//! Verifications with a fault.

use annalist_core::{
    Error,
    finding::{Finding, FindingKind, VerifyCursor, VerifyPage},
    record::Position,
    store::EventStore,
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::fault::Fault;

/// The page of a correct store, changed by the fault.
pub(crate) async fn broken_page(
    store: &Memory,
    fault: Fault,
    up_to: Position,
    after: &VerifyCursor,
) -> Result<VerifyPage, Error> {
    match fault {
        Fault::VerifiesOnlyFirstPage => {
            let page = store.verify(up_to, after).await?;
            Ok(VerifyPage { next: None, ..page })
        }
        Fault::VerifiesAllInOnePage => {
            let mut all = VerifyPage { next: Some(after.clone()), ..VerifyPage::default() };
            while let Some(after) = all.next.take() {
                let page = store.verify(up_to, &after).await?;
                (all.events, all.rows) = (all.events + page.events, all.rows + page.rows);
                all.next = page.next;
            }
            Ok(all)
        }
        Fault::ReportsRunningAppends => {
            let mut page = store.verify(up_to, after).await?;
            yield_now().await;
            let end = store.settled().await?.position;
            if end > up_to {
                page.findings.push(Finding::at(
                    FindingKind::Tags,
                    end,
                    "it is not in the index as of the first page",
                ));
            }
            Ok(page)
        }
        _ => store.verify(up_to, after).await,
    }
}
