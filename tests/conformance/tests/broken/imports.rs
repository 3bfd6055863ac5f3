//! Imports with a fault.

use annalist_core::{
    Error,
    record::{Metadata, Position, Record},
    rows::RowStore,
    store::{
        AcceptedCommand, Archive, ArchiveState, Entry, EventRef, EventStore, ImportTransaction, PageLimit,
        PolicyCheckpoint, Rewrite, Successor,
    },
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
    tombstones: Vec<EventRef>,
    archives: Vec<Archive>,
    retags: Vec<Rewrite>,
    commands: Vec<AcceptedCommand>,
    entries: Vec<Entry>,
    successors: Vec<Successor>,
    policies: Vec<PolicyCheckpoint>,
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
        let Written { records, tombstones, archives, retags, commands, entries, successors, policies } =
            std::mem::take(&mut self.written);
        import.write_archives(archives).await?;
        import.write_retags(retags).await?;
        import.write_events(records, tombstones).await?;
        import.write_successors(successors).await?;
        import.write_command_ids(commands).await?;
        import.write_journal(entries).await?;
        import.write_policies(policies).await?;
        import.finish().await
    }
}

/// Whether a process runs the policy.
fn has_claim(store: &Memory, policy: &str) -> bool {
    output_of(store.builds(policy)).unwrap().iter().any(|build| build.claim.is_some())
}

#[async_trait::async_trait]
impl ImportTransaction for BrokenImport {
    async fn write_events(
        &mut self,
        mut records: Vec<Record>,
        tombstones: Vec<EventRef>,
    ) -> Result<(), Error> {
        records.iter_mut().for_each(|record| self.change(record));
        self.written.records.extend(records);
        if self.fault != Fault::ImportDropsTombstones {
            self.written.tombstones.extend(tombstones);
        }
        if self.fault == Fault::ImportIsVisibleAtOnce {
            self.end().await?;
        }
        Ok(())
    }

    async fn write_archives(&mut self, mut archives: Vec<Archive>) -> Result<(), Error> {
        match self.fault {
            Fault::ImportDropsArchives => archives.clear(),
            Fault::ImportLeavesIdsOpen => {
                archives.iter_mut().for_each(|archive| archive.state = ArchiveState::Opened);
            }
            _ => {}
        }
        self.written.archives.extend(archives);
        Ok(())
    }

    async fn write_retags(&mut self, mut retags: Vec<Rewrite>) -> Result<(), Error> {
        match self.fault {
            Fault::ImportDropsRetags => retags.clear(),
            Fault::ImportKeepsFirstRetags if !self.written.retags.is_empty() => retags.clear(),
            _ => {}
        }
        self.written.retags.extend(retags);
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

    async fn write_successors(&mut self, successors: Vec<Successor>) -> Result<(), Error> {
        if self.fault != Fault::ImportDropsSuccessors {
            self.written.successors.extend(successors);
        }
        Ok(())
    }

    async fn write_policies(&mut self, mut policies: Vec<PolicyCheckpoint>) -> Result<(), Error> {
        match self.fault {
            Fault::ImportDropsPolicies => policies.clear(),
            Fault::ImportDropsParkedEvents => policies.iter_mut().for_each(|policy| policy.parked.clear()),
            Fault::ImportIgnoresClaims => policies.retain(|policy| !has_claim(&self.store, &policy.name)),
            _ => {}
        }
        self.written.policies.extend(policies);
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
