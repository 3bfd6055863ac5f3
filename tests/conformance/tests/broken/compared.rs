//! Faults of what a row store compares before it writes: claims and requests.

use annalist_core::{
    Error,
    rows::{Claim, FollowerRequests, RowStore, Table},
};
use tokio::task::yield_now;

use super::row_fault::RowFault;

pub(crate) async fn replace_claim(
    inner: &dyn RowStore,
    fault: RowFault,
    table: &Table,
    expected: Option<Claim>,
    claim: Option<Claim>,
) -> Result<bool, Error> {
    let stored = stored_claim(inner, table).await?;
    match fault {
        RowFault::IgnoresExpectedClaim => inner.replace_claim(table, stored, claim).await,
        RowFault::ComparesClaimHolderOnly
            if stored.map(|claim| claim.holder) == expected.map(|claim| claim.holder) =>
        {
            inner.replace_claim(table, stored, claim).await
        }
        RowFault::ComparesClaimBeforeWrite if stored == expected => {
            yield_now().await;
            inner.replace_claim(table, stored_claim(inner, table).await?, claim).await
        }
        RowFault::ReportsStaleClaimsAsReplaced => {
            inner.replace_claim(table, expected, claim).await.map(|_| true)
        }
        RowFault::NeverReleasesClaims if claim.is_none() => Ok(stored == expected && stored.is_some()),
        _ => inner.replace_claim(table, expected, claim).await,
    }
}

async fn stored_claim(inner: &dyn RowStore, table: &Table) -> Result<Option<Claim>, Error> {
    let builds = inner.builds(table.projection).await?;
    let build = builds.into_iter().find(|build| build.order() == table.order());
    Ok(build.and_then(|build| build.claim))
}

pub(crate) async fn replace_requests(
    inner: &dyn RowStore,
    fault: RowFault,
    table: &Table,
    mut requests: FollowerRequests,
) -> Result<bool, Error> {
    match fault {
        RowFault::IgnoresRevisionOfRequests => requests.revision = stored_revision(inner, table).await? + 1,
        RowFault::ComparesRevisionOfRequestsBeforeWrite
            if stored_revision(inner, table).await? + 1 == requests.revision =>
        {
            yield_now().await;
            while !inner.replace_requests(table, &requests).await? {
                requests.revision = stored_revision(inner, table).await? + 1;
            }
            return Ok(true);
        }
        _ => {}
    }
    inner.replace_requests(table, &requests).await
}

async fn stored_revision(inner: &dyn RowStore, table: &Table) -> Result<u64, Error> {
    let newest = inner.builds(table.projection).await?.pop();
    Ok(newest.map(|build| build.requests.revision).unwrap_or_default())
}
