//! Archives an account into a file, or restores the first archive from it. The test kills it. The log is a URL, or `SCHEMA@URL`.

use std::sync::Arc;

use annalist::{App, EventStore, Postgres};
use annalist_flow_tests::archives::{archive, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (log, file) = arguments.next().zip(arguments.next()).ok_or("the log and the file are missing")?;
    let store: Arc<dyn EventStore> = match log.split_once('@') {
        Some((schema, url)) if !schema.contains(':') => {
            Arc::new(Postgres::options().schema(schema).connect(url).await?)
        }
        _ => annalist::open(&log).await?,
    };
    let app = start(App::builder(store)).await?;
    match arguments.next().as_deref() {
        Some("restore") => app.restore(1, &file).await?,
        _ => archive(&app, &["a"], file.as_ref()).await?,
    };
    Ok(())
}
