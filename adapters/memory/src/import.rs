//! The import of a log. What it writes becomes the content of the log at the end.

use annalist_core::{
    error::Error,
    record::Record,
    store::{AcceptedCommand, Entry, ImportTransaction},
};
use async_trait::async_trait;

use crate::{Memory, log::Imported};

pub(crate) struct Import {
    store: Memory,
    imported: Option<Imported>,
}

impl Import {
    pub(crate) fn begin(store: Memory) -> Result<Self, Error> {
        let mut log = store.log();
        if let Some(build) = store.rows().first_inline() {
            let reason = format!(
                "the build `{build}` is inline, so it would lack the imported events; make its projection async first"
            );
            return Err(Error::unusable("import into the log in memory", reason));
        }
        log.begin_import()?;
        drop(log);
        Ok(Self { store, imported: Some(Imported::default()) })
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
        self.store.log().end_import(imported);
        Ok(())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if self.imported.is_some() {
            self.store.log().end_import(None);
        }
    }
}
