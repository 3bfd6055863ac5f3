//! Archives on a server: what users see, races of two processes, and a process that is killed.

use std::{path::Path, process::Command, sync::Arc};

use annalist::{App, Postgres};
use annalist_flow_tests::archives;
use libtest_mimic::Failed;
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

pub(crate) async fn archives_of(url: &str) -> Result<(), Failed> {
    let (schema, folder) = (format!("flow_{}", Uuid::now_v7().simple()), tempfile::tempdir()?);
    let builder = async || App::builder(Postgres::options().schema(&schema).connect(url).await.unwrap());
    archives::check_archive_and_restore(builder, folder.path()).await;
    races_of(url).await
}

async fn races_of(url: &str) -> Result<(), Failed> {
    let (schema, folder) = (format!("flow_{}", Uuid::now_v7().simple()), tempfile::tempdir()?);
    let builder = async || App::builder(Postgres::options().schema(&schema).connect(url).await.unwrap());
    archives::check_race(builder, folder.path()).await;
    Ok(())
}

pub(crate) async fn killed_restore_of(url: &str) -> Result<(), Failed> {
    let (schema, folder) = (format!("flow_{}", Uuid::now_v7().simple()), tempfile::tempdir()?);
    let store = Arc::new(Postgres::options().schema(&schema).connect(url).await?);
    let archiver = |file: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_archiver"));
        command.arg(format!("{schema}@{url}")).arg(file).arg("restore");
        command
    };
    let connection = Mutex::new(PgConnection::connect(url).await?);
    let written = async || {
        let end = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";
        let bytes: i64 = sqlx::query_scalar(end).fetch_one(&mut *connection.lock().await).await.unwrap();
        bytes.cast_unsigned()
    };
    archives::check_killed_restore(store, folder.path(), archiver, written).await;
    Ok(())
}
