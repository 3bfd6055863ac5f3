//! Reads of a store whose payloads and personal ids are encrypted.

use super::sealed_tags::SealedTags;
use crate::{
    error::Error,
    record::Record,
    store::{LOSSES_BITS, Marker, PageLimit, Read},
};

/// Records of several reads that are in memory at once.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) parts: Vec<(usize, Vec<Record>)>,
    records: usize,
    bytes: usize,
    pub(super) is_exceeded: bool,
}

impl Chunk {
    /// Adds records of a read. An error ends the reads when there are more than [`PageLimit::CHUNK`].
    pub(super) fn add(&mut self, index: usize, records: Vec<Record>) -> Result<(), Error> {
        self.records += records.len();
        self.bytes += records.iter().map(|record| record.data.as_str().len()).sum::<usize>();
        self.parts.push((index, records));
        if self.records > PageLimit::CHUNK.records || self.bytes > PageLimit::CHUNK.bytes {
            self.is_exceeded = true;
            self.parts.clear();
            return Err(Error::unavailable("read encrypted events", "they are more than one chunk"));
        }
        Ok(())
    }
}

/// The reads with the tags that the log has for personal ids. The payload of an event is decrypted with its id, so each read has it.
pub(super) fn sealed_reads(tags: &SealedTags, reads: &[Read]) -> Vec<Read> {
    let sealed =
        |read: &Read| Read { payload_only: false, criteria: tags.seal(&read.criteria), ..read.clone() };
    reads.iter().map(sealed).collect()
}

/// The marker of a reader of this generation of keys.
pub(super) fn marker_of_generation(marker: Marker, generation: u32) -> Marker {
    marker.in_epoch(u64::from(generation) << LOSSES_BITS | marker.epoch())
}
