//! `export`, `import` and `copy`: move a whole log.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use annalist_core::{
    store::EventStore,
    transfer::{self, Export, Transferred},
};
use clap::Args;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::{
    fs::{self, File},
    io::BufReader,
};

use crate::{
    failure::Failure,
    output::{Format, Output},
};

/// How many bytes of a file are read at once.
const BUFFER: usize = 1 << 20;

/// The options of `export`.
#[derive(Args, Clone, Debug)]
pub struct ExportLog {
    /// The file to write, which must not exist.
    file: PathBuf,
    /// Write CloudEvents 1.0 with this attribute `source`.
    #[arg(long, value_name = "SOURCE")]
    cloud_events: Option<String>,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// The options of `import`.
#[derive(Args, Clone, Debug)]
pub struct ImportLog {
    /// The file to read, an export.
    file: PathBuf,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// The options of `copy`.
#[derive(Args, Clone, Debug)]
pub struct CopyLog {
    /// The URL of the store to copy to, whose log must be empty.
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) format: Format,
}

impl ExportLog {
    pub(crate) async fn run(
        self,
        store: Arc<dyn EventStore>,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let path = &self.file;
        if fs::try_exists(path).await.map_err(Failure::of_file(path))? {
            return Err(Failure::of_file(path)(io::ErrorKind::AlreadyExists.into()));
        }
        // Under its own name the file is always complete, and never replaces another one.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let partial = NamedTempFile::new_in(folder).map_err(Failure::of_file(path))?;
        let mut file = File::from_std(partial.reopen().map_err(Failure::of_file(path))?);
        let mut export = Export::new(store);
        if let Some(source) = self.cloud_events {
            export = export.cloud_events(source);
        }
        let part = export.write_to(&mut file).await?;
        file.sync_all().await.map_err(Failure::of_file(path))?;
        partial.persist_noclobber(path).map_err(|error| Failure::of_file(path)(error.error))?;
        report("exported", &part.contents, output)
    }
}

impl ImportLog {
    pub(crate) async fn run(self, store: &dyn EventStore, output: &mut Output<'_>) -> Result<(), Failure> {
        let file = File::open(&self.file).await.map_err(Failure::of_file(&self.file))?;
        let imported = transfer::import(store, &mut BufReader::with_capacity(BUFFER, file)).await?;
        report("imported", &imported, output)
    }
}

impl CopyLog {
    pub(crate) async fn run(
        self,
        from: &dyn EventStore,
        to: &dyn EventStore,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let copied = transfer::copy(from, to).await?;
        report("copied", &copied, output)
    }
}

fn report(what: &str, contents: &Transferred, output: &mut Output<'_>) -> Result<(), Failure> {
    let Transferred { up_to, events, archives, tombstones, command_ids, journal_entries, policies, .. } =
        contents;
    output.print(
        what,
        || {
            json!({
                "up_to": up_to.get(), "events": events, "archives": archives, "tombstones": tombstones, "command_ids": command_ids,
                "journal_entries": journal_entries, "policies": policies,
            })
        },
        || {
            let archived = match archives {
                0 => String::new(),
                _ => format!(", archives: {archives} with {tombstones} events"),
            };
            format!(
                "{what}: events: {events} up to position {up_to}, command ids: {command_ids}, journal entries: {journal_entries}, \
                 policies: {policies}{archived}"
            )
        },
    )
}
