//! The import of a log. What it writes becomes the content of the log at the end.

use std::sync::{Arc, Mutex, PoisonError};

use annalist_core::{
    error::Error,
    record::Record,
    store::{AcceptedCommand, Entry, ImportTransaction},
};
use async_trait::async_trait;

use crate::log::{Imported, Log};

pub(crate) struct Import {
    log: Arc<Mutex<Log>>,
    imported: Option<Imported>,
}

impl Import {
    /// For a log that has locked out appends.
    pub(crate) fn new(log: Arc<Mutex<Log>>) -> Self {
        Self { log, imported: Some(Imported::default()) }
    }

    fn end(&mut self, imported: Option<Imported>) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).end_import(imported);
    }

    fn imported(&mut self) -> &mut Imported {
        self.imported.get_or_insert_default()
    }
}

#[async_trait]
impl ImportTransaction for Import {
    async fn write_events(&mut self, records: Vec<Record>) -> Result<(), Error> {
        let log = &mut self.imported().records;
        records.into_iter().for_each(|record| log.push(record));
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

    async fn finish(mut self: Box<Self>) -> Result<(), Error> {
        let imported = self.imported.take();
        self.end(imported);
        Ok(())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if self.imported.is_some() {
            self.end(None);
        }
    }
}
