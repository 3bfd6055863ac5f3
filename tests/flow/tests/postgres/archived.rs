//! Archives on a server: what users see, and races of two processes.

use annalist::{App, Postgres};
use annalist_flow_tests::archives;
use libtest_mimic::Failed;
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
