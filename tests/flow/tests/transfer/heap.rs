//! What an export and an import hold in memory: a part of the log. The tests measure the heap, and print the figures.
#![allow(clippy::print_stderr)]

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use allocation_counter::measure;
use annalist::{
    Criteria, Error, EventStore, Memory, Position, Receipt, Record, Tag, Timestamp,
    manual::Payload,
    raw::store::{
        AcceptedCommand, Archive, EventRef, ImportTransaction, PageLimit, PolicyCheckpoint, Prefix, Rewrite,
        StoredType, Successor,
    },
    store::{
        Append, AppendOutcome, Batch, CommandKey, Draft, Entry, FeedPage, JournalRecord, LogId, Name, Read,
        Settled,
    },
    transfer::{self, Export},
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf},
    runtime::Runtime,
    task::yield_now,
};

const MIB: usize = 1 << 20;
/// Far less than the logs have, and more than two batches and a page of 8 MiB.
const LIMIT: u64 = 32 << 20;

/// A store that forgets what is imported into it.
struct Forgets(Memory);

/// Its import.
struct Forgetting;

#[async_trait::async_trait]
impl ImportTransaction for Forgetting {
    /// Holds the batch for a while, as a store does that writes it.
    async fn write_events(&mut self, _: Vec<Record>, _: Vec<EventRef>) -> Result<(), Error> {
        for _ in 0..100 {
            yield_now().await;
        }
        Ok(())
    }

    async fn write_archives(&mut self, _: Vec<Archive>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_retags(&mut self, _: Vec<Rewrite>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_successors(&mut self, _: Vec<Successor>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_policies(&mut self, _: Vec<PolicyCheckpoint>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_command_ids(&mut self, _: Vec<AcceptedCommand>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_journal(&mut self, _: Vec<Entry>) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait::async_trait]
impl EventStore for Forgets {
    fn describe(&self) -> String {
        "store that forgets".to_owned()
    }

    fn log_id(&self) -> LogId {
        self.0.log_id()
    }

    fn epoch(&self) -> u64 {
        0
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        self.0.read(reads).await
    }

    async fn append(&self, appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        self.0.append(appends).await
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.0.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        self.0.feed(filter, after, limit).await
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.0.settled().await
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.0.prefix_at(time).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        self.0.journal(after, limit).await
    }

    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        Ok(Box::new(Forgetting))
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        self.0.count(criteria, after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        self.0.stored_types().await
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        self.0.count_type(name, version, limit).await
    }

    async fn successors(&self) -> Result<annalist::raw::store::Successors, Error> {
        self.0.successors().await
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        self.0.purge_command_ids(before, ids).await
    }
}

/// A file that is read and written in the calling thread, whose heap is measured.
struct OnDisk {
    reader: BufReader<File>,
    writer: File,
}

impl AsyncRead for OnDisk {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.reader.read(to.initialize_unfilled())?;
        to.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for OnDisk {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Poll::Ready(self.get_mut().reader.fill_buf())
    }

    fn consume(mut self: Pin<&mut Self>, length: usize) {
        self.reader.consume(length);
    }
}

impl AsyncWrite for OnDisk {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.writer.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A log whose events and journal entries have this number of payloads each, of this size.
async fn large_log(events: usize, size: usize) -> Memory {
    let store = Memory::new();
    let text = format!("\"{}\"", "x".repeat(size));
    for number in 0..events {
        let name = |text: String| Name::new("name", text).unwrap();
        let tags = [Tag::new("a", number).unwrap()];
        let append = Append {
            events: vec![Draft::new("a", 1, tags, Payload::parse(text.clone()).unwrap()).unwrap()],
            key: Some(CommandKey::new(name(format!("{number}")), name("do".to_owned()), [])),
            journal: Some(JournalRecord { body: Payload::parse(text.clone()).unwrap(), rejection: None }),
            ..Append::default()
        };
        store.append_one(append).await.unwrap();
    }
    store
}

fn peak<T>(runtime: &Runtime, work: impl Future<Output = T>) -> u64 {
    measure(|| drop(runtime.block_on(work))).bytes_max
}

#[test]
fn export_and_import_hold_a_part_of_the_log() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (events, size) in [(16, MIB), (16_000, 800)] {
        let log: Arc<dyn EventStore> = Arc::new(runtime.block_on(large_log(events, size)));
        let path = folder.path().join("export");
        let mut file = OnDisk {
            writer: File::create(&path).unwrap(),
            reader: BufReader::new(File::open(&path).unwrap()),
        };
        for cloud_events in [false, true] {
            let export = Export::new(Arc::clone(&log));
            let export = if cloud_events { export.cloud_events("urn:example:log") } else { export };
            file.writer.set_len(0).unwrap();
            io::Seek::rewind(&mut file.writer).unwrap();
            io::Seek::rewind(&mut file.reader).unwrap();
            let held = peak(&runtime, async { export.write_to(&mut file).await.unwrap() });
            assert!(held < LIMIT, "an export of {events} events held {held} bytes");
            let import = async { transfer::import(&Forgets(Memory::new()), &mut file).await.unwrap() };
            let imported = peak(&runtime, import);
            assert!(imported < LIMIT, "an import of {events} events held {imported} bytes");
            eprintln!("{events} events: an export held {} MiB, an import {} MiB", held >> 20, imported >> 20);
        }
        let copied = peak(&runtime, async { transfer::copy(&*log, &Forgets(Memory::new())).await.unwrap() });
        assert!(copied < LIMIT, "a copy of {events} events held {copied} bytes");
        // The control: a log in memory holds everything.
        io::Seek::rewind(&mut file.reader).unwrap();
        let all = peak(&runtime, async { transfer::import(&Memory::new(), &mut file).await.unwrap() });
        assert!(all > LIMIT, "an import into memory of {events} events held only {all} bytes");
    }
}
