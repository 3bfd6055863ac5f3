//! Imports with a fault.

use annalist_core::{
    Error,
    record::{Metadata, Position, Record},
    store::{AcceptedCommand, Entry, EventStore, ImportTransaction, PageLimit},
};
use annalist_memory::Memory;

use super::{changes::output_of, fault::Fault};

/// The command ids of a correct store, changed by the fault.
pub(crate) async fn command_ids(
    store: &Memory,
    fault: Fault,
    after: &str,
    limit: PageLimit,
) -> Result<Vec<AcceptedCommand>, Error> {
    let limit = match fault {
        Fault::CommandIdsIgnoreLimit => PageLimit::records(usize::MAX),
        _ => limit,
    };
    store.command_ids(after, limit).await
}

/// Begins an import into a correct store, changed by the fault.
pub(crate) async fn begin(store: &Memory, fault: Fault) -> Result<Box<dyn ImportTransaction>, Error> {
    let inner = match fault {
        Fault::ImportBeginsWhenItEnds => None,
        Fault::ImportAcceptsAnyLog => store.import().await.ok(),
        _ => Some(store.import().await?),
    };
    Ok(Box::new(BrokenImport { store: store.clone(), fault, inner, written: Written::default(), last: 0 }))
}

struct BrokenImport {
    store: Memory,
    fault: Fault,
    inner: Option<Box<dyn ImportTransaction>>,
    /// What was written so far.
    written: Written,
    /// The number of events.
    last: u64,
}

#[derive(Default)]
struct Written {
    records: Vec<Record>,
    commands: Vec<AcceptedCommand>,
    entries: Vec<Entry>,
}

impl BrokenImport {
    fn change(&mut self, record: &mut Record) {
        self.last += 1;
        match self.fault {
            Fault::ImportDropsMetadata => record.stored_metadata = Metadata::default().into(),
            Fault::ImportClosesGaps => record.position = Position::new(self.last),
            _ => {}
        }
    }

    async fn end(&mut self) -> Result<(), Error> {
        let inner = match (self.inner.take(), self.fault) {
            (None, Fault::ImportBeginsWhenItEnds) => Some(self.store.import().await?),
            (inner, _) => inner,
        };
        let Some(mut import) = inner else { return Ok(()) };
        let Written { records, commands, entries } = std::mem::take(&mut self.written);
        import.write_events(records).await?;
        import.write_command_ids(commands).await?;
        import.write_journal(entries).await?;
        import.finish().await
    }
}

#[async_trait::async_trait]
impl ImportTransaction for BrokenImport {
    async fn write_events(&mut self, mut records: Vec<Record>) -> Result<(), Error> {
        records.iter_mut().for_each(|record| self.change(record));
        self.written.records.extend(records);
        if self.fault == Fault::ImportIsVisibleAtOnce {
            self.end().await?;
        }
        Ok(())
    }

    async fn write_command_ids(&mut self, commands: Vec<AcceptedCommand>) -> Result<(), Error> {
        if self.fault != Fault::ImportDropsCommandIds {
            self.written.commands.extend(commands);
        }
        Ok(())
    }

    async fn write_journal(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        if self.fault != Fault::ImportDropsJournal {
            self.written.entries.extend(entries);
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.end().await
    }
}

impl Drop for BrokenImport {
    fn drop(&mut self) {
        if self.fault == Fault::ImportEndsWhenDropped {
            output_of(self.end()).unwrap();
        }
    }
}
