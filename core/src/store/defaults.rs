//! The default implementations of an [`EventStore`], with pages of the feed.

use super::{Batch, EventRef, EventStore, FeedPage, Marker, PageLimit, Read};
use crate::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    record::{Position, Record},
};

/// [`EventStore::read_all_chunked`] with pages of the feed. Everything up to the last page of a read is settled and was read, so the
/// marker of a read that begins there is that of the whole read. These last reads are of one moment, and find only what was appended
/// since the pages were read, or is not settled.
pub(crate) async fn read_in_pages<S: EventStore + ?Sized>(
    store: &S,
    reads: &[Read],
    each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
) -> Result<Vec<Marker>, Error> {
    let mut rest = reads.to_vec();
    for (index, read) in rest.iter_mut().enumerate() {
        loop {
            let page = store.feed(&read.criteria, read.after, PageLimit::CHUNK).await?;
            let FeedPage { mut records, up_to, is_full, .. } = page;
            records.retain(|record| record.position <= read.up_to);
            read.after = up_to;
            if !records.is_empty()
                && let Err(error) = each(index, records)
            {
                // The remaining events of an archived id may not be foldable: the archive is the cause then.
                let nothing = read.clone().after(Position::START).up_to(Position::START);
                let refused = store.read(&[nothing]).await.err();
                return Err(refused.filter(is_archived).unwrap_or(error));
            }
            if !is_full || up_to >= read.up_to {
                break;
            }
        }
    }
    let mut markers = Vec::with_capacity(reads.len());
    for (index, Batch { records, marker }) in store.read(&rest).await?.into_iter().enumerate() {
        if !records.is_empty() {
            each(index, records)?;
        }
        markers.push(marker);
    }
    Ok(markers)
}

/// [`EventStore::count_type`] with pages of the feed.
pub(super) async fn count_in_pages<S: EventStore + ?Sized>(
    store: &S,
    name: &str,
    version: Option<u32>,
    limit: u64,
) -> Result<u64, Error> {
    let criteria = Criteria::from(Item::any().types([name.to_owned()]));
    let (mut after, mut count) = (Position::START, 0);
    while count < limit {
        let FeedPage { records, up_to, is_full, .. } = store.feed(&criteria, after, PageLimit::CHUNK).await?;
        let is_counted = |record: &&Record| version.is_none_or(|version| record.version == version);
        count += records.iter().filter(is_counted).count() as u64;
        if !is_full {
            break;
        }
        after = up_to;
    }
    Ok(count.min(limit))
}

/// [`EventStore::tombstones`] of a store that archives nothing.
pub(super) async fn tombstones<S: EventStore + ?Sized>(store: &S) -> Result<Vec<EventRef>, Error> {
    match store.archives().await?.is_empty() {
        true => Ok(Vec::new()),
        false => unsupported(format!("list the tombstones of the {}", store.describe()), "tombstones"),
    }
}

/// [`EventStore::event_at`] with a read.
pub(super) async fn event_at<S: EventStore + ?Sized>(
    store: &S,
    position: Position,
) -> Result<Option<EventRef>, Error> {
    let before = Position::new(position.get().saturating_sub(1));
    let batches = store.read(&[Read::all(Criteria::all()).after(before).up_to(position)]).await?;
    let record = batches.into_iter().flat_map(|batch| batch.records).next();
    Ok(record.map(|record| EventRef { position: record.position, id: record.id }))
}

const fn is_archived(error: &Error) -> bool {
    matches!(error, Error::Invalid(Invalid::Archived { .. }))
}

/// The error of a method that a store does not implement.
pub(super) fn unsupported<T>(operation: String, method: &str) -> Result<T, Error> {
    Err(Error::unusable(operation, format!("this store does not implement `EventStore::{method}`")))
}
