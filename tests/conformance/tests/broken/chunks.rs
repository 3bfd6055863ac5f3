//! Faults of chunked reads.

use annalist_core::{
    Error,
    record::Record,
    store::{EventStore, Marker, Read},
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::fault::Fault;

/// Executes chunked reads with a fault.
pub(super) async fn broken_chunks(
    store: &Memory,
    fault: Fault,
    reads: &[Read],
    each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
) -> Result<Vec<Marker>, Error> {
    match fault {
        Fault::ReadsInOneChunk => {
            let batches = store.read(reads).await?.into_iter().enumerate();
            batches.map(|(read, batch)| each(read, batch.records).map(|()| batch.marker)).collect()
        }
        Fault::MixesChunkedReads => store.read_all_chunked(reads, &mut |_, records| each(0, records)).await,
        Fault::ReadsEachAtItsMoment => {
            let mut markers = Vec::new();
            for (number, read) in reads.iter().enumerate() {
                markers.push(store.read_chunked(read, &mut |records| each(number, records)).await?);
                yield_now().await;
            }
            Ok(markers)
        }
        _ => store.read_all_chunked(reads, each).await,
    }
}
