//! Secrets that were stored in plain text are encrypted on a server: what users see, races, and the bytes that stay in the files of the server.

use annalist::{
    App, Postgres, Timestamp,
    app::{Builder, Journal},
    keys::LocalMasterKey,
};
use annalist_flow_tests::encrypted::{
    check_followers, check_half_done, check_interrupted_erasure, check_older_follower, check_pass, newer,
    race, register_older, start_newer, start_older,
};
use libtest_mimic::Failed;
use sqlx::{AssertSqlSafe, Connection, PgConnection, query, query_scalar, raw_sql};
use uuid::Uuid;

pub(crate) async fn encryptions_of(url: &str) -> Result<(), Failed> {
    check_pass(log(url)).await;
    check_followers(log(url)).await;
    check_half_done(log(url)).await;
    check_older_follower(log(url)).await;
    check_interrupted_erasure(log(url)).await;
    let builder = log(url);
    race(&start_older(builder().await).await?, &start_newer(builder().await).await?).await?;
    check_bytes(url).await
}

/// Builders of apps on a new log.
fn log(url: &str) -> impl AsyncFn() -> Builder {
    let (url, schema) = (url.to_owned(), new_schema());
    async move || {
        App::builder(Postgres::options().schema(&schema).max_connections(4).connect(&url).await.unwrap())
    }
}

fn new_schema() -> String {
    format!("flow_{}", Uuid::now_v7().simple())
}

/// No row has the plain text after the pass. The files of the tables have it until VACUUM FULL writes new ones.
async fn check_bytes(url: &str) -> Result<(), Failed> {
    let schema = new_schema();
    let builder =
        async || Ok::<_, Failed>(App::builder(Postgres::options().schema(&schema).connect(url).await?));
    let older = start_older(builder().await?.journal(Journal::All)).await?;
    for number in 0..50 {
        register_older(&older, &format!("c{number}")).await.map_err(|error| error.to_string())?;
    }
    older.shut_down().await;
    let newer =
        builder().await?.keys(LocalMasterKey::new([7; 32])).commands::<newer::Register>().start().await?;
    let mut server = PgConnection::connect(url).await?;
    assert!(is_in_rows(&mut server, &schema).await? && is_in_files(&mut server, &schema).await?);
    let mut older = PgConnection::connect(url).await?;
    raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_snapshot()")
        .execute(&mut older)
        .await?;
    newer.encrypt_stored::<newer::Registered>().await?;
    // The journal has the commands as they were executed.
    assert!(is_in_rows(&mut server, &schema).await?);
    assert_eq!(newer.purge_journal(Timestamp::MAX).await?, 50);
    assert!(!is_in_rows(&mut server, &schema).await?);
    // The control: the dead rows.
    assert!(is_in_files(&mut server, &schema).await?);
    // And with a transaction that can see them.
    vacuum(&mut server, &schema).await?;
    assert!(is_in_files(&mut server, &schema).await?);
    older.close().await?;
    await_older_transactions(&mut server).await?;
    vacuum(&mut server, &schema).await?;
    assert!(!is_in_files(&mut server, &schema).await?);
    assert!(newer.verify().await?.is_sound());
    Ok(())
}

async fn vacuum(server: &mut PgConnection, schema: &str) -> Result<(), Failed> {
    for table in ["events", "snapshots", "journal"] {
        query(AssertSqlSafe(format!("VACUUM FULL {schema}.{table}"))).execute(&mut *server).await?;
    }
    Ok(())
}

/// Waits until no transaction of the server runs that began before this call: VACUUM FULL copies the dead rows that such a transaction can
/// see.
async fn await_older_transactions(server: &mut PgConnection) -> Result<(), Failed> {
    let now: String = query_scalar("SELECT pg_current_xact_id()::xid::text").fetch_one(&mut *server).await?;
    let older = "SELECT EXISTS (
           SELECT FROM pg_stat_activity
           WHERE pid <> pg_backend_pid() AND datname = current_database() AND age(backend_xmin) >= age($1::xid))";
    while query_scalar(older).bind(&now).fetch_one(&mut *server).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

const PLAIN: &str = "plain-text";

/// Whether the text is in a row, as a dump has it.
async fn is_in_rows(server: &mut PgConnection, schema: &str) -> Result<bool, Failed> {
    for table in tables(server, schema).await? {
        let found = format!("SELECT EXISTS (SELECT 1 FROM {table} t WHERE t::text LIKE '%{PLAIN}%')");
        if query_scalar(AssertSqlSafe(found)).fetch_one(&mut *server).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the text is in the files of the tables, their TOAST tables and their indexes.
async fn is_in_files(server: &mut PgConnection, schema: &str) -> Result<bool, Failed> {
    query("CHECKPOINT").execute(&mut *server).await?;
    let found = format!(
        "SELECT coalesce(bool_or(position('{PLAIN}'::bytea IN pg_read_binary_file(pg_relation_filepath(f.oid))) > 0), false)
         FROM (
           SELECT c.oid FROM pg_class c WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'i')
           UNION ALL
           SELECT c.reltoastrelid FROM pg_class c WHERE c.relnamespace = '{schema}'::regnamespace AND c.reltoastrelid <> 0
         ) AS f"
    );
    Ok(query_scalar(AssertSqlSafe(found)).fetch_one(&mut *server).await?)
}

async fn tables(server: &mut PgConnection, schema: &str) -> Result<Vec<String>, Failed> {
    let tables =
        format!("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = '{schema}'");
    let tables: Vec<String> = query_scalar(AssertSqlSafe(tables)).fetch_all(server).await?;
    assert!(tables.len() > 5, "{tables:?}");
    Ok(tables)
}
