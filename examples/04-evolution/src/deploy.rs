//! A new version of the program is deployed while the one before it runs. Its rows are built beside the old ones, which the older
//! program reads all the time.

use std::{pin::pin, sync::Arc};

use annalist::{App, Error, EventStore};

use crate::{Failure, PROJECTION, Version};

/// Runs an older version, and starts a newer one beside it. Until the rows of the newer one are complete, the older one queries its own,
/// again and again. Describes the rows of both.
///
/// # Errors
/// The error of the first query that fails, and an error if the old rows change while the new ones are built.
pub async fn beside<Old: Version, New: Version>(store: &Arc<dyn EventStore>) -> Result<Vec<String>, Failure> {
    let old = Old::register(App::builder(Arc::clone(store))).start().await?;
    old.wait_until_caught_up().await?;
    let before = Old::rows(&old).await?;
    let version = read_version(&old);
    let mut lines = labelled("old", version, &before);

    let new = New::register(App::builder(Arc::clone(store))).start().await?;
    let (mut promoted, mut queries) = (pin!(promotion(&new, version)), 0);
    loop {
        tokio::select! {
            result = &mut promoted => break result?,
            rows = Old::rows(&old) => {
                queries += 1;
                if rows? != before {
                    return Err("the old rows changed while the new ones were built: was a night booked?".into());
                }
            }
        }
    }
    lines.push(format!("the new rows are complete and live; {queries} queries of the old ones meanwhile"));
    lines.extend(labelled("new", read_version(&new), &New::rows(&new).await?));
    lines.extend(labelled("old", read_version(&old), &Old::rows(&old).await?));
    old.shut_down().await;
    new.shut_down().await;
    Ok(lines)
}

/// Waits until queries of this program read rows of a newer version.
async fn promotion(app: &App, older: Option<u32>) -> Result<(), Error> {
    app.wait_until(PROJECTION, |status| status.reads.map(|table| table.version) > older).await?;
    Ok(())
}

/// The version of the rows that queries of this program read.
fn read_version(app: &App) -> Option<u32> {
    let statuses = app.statuses();
    let (_, status) = statuses.iter().find(|(name, _)| *name == PROJECTION)?;
    status.reads.map(|table| table.version)
}

fn labelled(label: &str, version: Option<u32>, rows: &[String]) -> Vec<String> {
    let version = version.map_or_else(String::new, |version| version.to_string());
    rows.iter().map(|row| format!("{label}, {PROJECTION} {version}: {row}")).collect()
}
