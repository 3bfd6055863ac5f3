//! The import of a log. What it writes becomes the content of the log at the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use annalist_core::{
    error::Error,
    record::Record,
    store::{
        AcceptedCommand, Archive, Entry, EventRef, ImportTransaction, PolicyCheckpoint, Rewrite, Successor,
    },
};
use async_trait::async_trait;

use crate::{
    log::{Imported, Log},
    rows::Rows,
};

pub(crate) struct Import {
    log: Arc<Mutex<Log>>,
    rows: Arc<Mutex<Rows>>,
    imported: Option<Imported>,
    policies: BTreeMap<String, PolicyCheckpoint>,
}

impl Import {
    /// For a log that has locked out appends.
    pub(crate) fn new(log: Arc<Mutex<Log>>, rows: Arc<Mutex<Rows>>) -> Self {
        Self { log, rows, imported: Some(Imported::default()), policies: BTreeMap::new() }
    }

    /// Makes what was written the content of the log and of the rows beside it.
    fn complete(&mut self) -> Result<(), Error> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.import_policies(&self.policies, log.id())?;
        log.end_import(self.imported.take());
        Ok(())
    }

    fn imported(&mut self) -> &mut Imported {
        self.imported.get_or_insert_default()
    }
}

#[async_trait]
impl ImportTransaction for Import {
    async fn write_events(&mut self, records: Vec<Record>, tombstones: Vec<EventRef>) -> Result<(), Error> {
        let log = &mut self.imported().records;
        records.into_iter().for_each(|record| log.push(record));
        tombstones.into_iter().for_each(|event| log.add_tombstone(event));
        Ok(())
    }

    async fn write_archives(&mut self, archives: Vec<Archive>) -> Result<(), Error> {
        archives.into_iter().for_each(|archive| self.imported().archives.import(archive));
        Ok(())
    }

    async fn write_retags(&mut self, retags: Vec<Rewrite>) -> Result<(), Error> {
        let named = |one: Rewrite| ((one.name.clone(), one.target.clone()), one);
        self.imported().retags.extend(retags.into_iter().map(named));
        Ok(())
    }

    async fn write_successors(&mut self, successors: Vec<Successor>) -> Result<(), Error> {
        let named = |one: Successor| ((one.of().to_owned(), one.name().to_owned()), one);
        self.imported().successors.extend(successors.into_iter().map(named));
        Ok(())
    }

    async fn write_command_ids(&mut self, commands: Vec<AcceptedCommand>) -> Result<(), Error> {
        let commands = commands.into_iter().map(|command| (command.key.id().to_owned(), command));
        self.imported().commands.extend(commands);
        Ok(())
    }

    async fn write_journal(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        self.imported().journal.extend(entries.into_iter().map(|entry| (entry.number, entry)));
        Ok(())
    }

    async fn write_policies(&mut self, policies: Vec<PolicyCheckpoint>) -> Result<(), Error> {
        self.policies.extend(policies.into_iter().map(|policy| (policy.name.clone(), policy)));
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.complete()
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if self.imported.is_some() {
            self.log.lock().unwrap_or_else(PoisonError::into_inner).end_import(None);
        }
    }
}
