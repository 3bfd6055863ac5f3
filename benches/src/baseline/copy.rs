//! Events and the index of their tags, copied into the tables of the adapter.

use std::{fmt::Write, time::Instant};

use annalist::{Invalid, Record, Tag};
use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};

use crate::Result;

/// How many bytes are sent at once.
const CHUNK: usize = 256 << 10;

/// The rows of both tables in the text format of COPY, each in the order of its key. They are made before the measurement.
pub(crate) struct CopiedLog {
    schema: String,
    url: String,
    count: f64,
    events: String,
    tags: String,
}

impl CopiedLog {
    pub(crate) fn new(
        url: String,
        schema: String,
        records: impl Iterator<Item = Result<Record, Invalid>>,
    ) -> Result<Self> {
        let (mut events, mut tags, mut count) = (String::new(), Vec::new(), 0.0);
        for record in records {
            let record = record?;
            let Record { position, id, name, version, recorded_at, .. } = &record;
            let own: Vec<&str> = record.tags.iter().map(Tag::as_str).collect();
            let metadata = serde_json::to_string(record.metadata()?)?;
            writeln!(
                events,
                "{position}\t{id}\t{name}\t{version}\t{recorded_at}\t{{{}}}\t{}\t{metadata}",
                own.join(","),
                record.data.as_str(),
            )?;
            tags.extend(own.iter().map(|tag| ((*tag).to_owned(), name.clone(), position.get())));
            count += 1.0;
        }
        tags.sort_unstable();
        let row = |(tag, name, position): &(String, _, u64)| format!("{tag}\t{name}\t{position}\n");
        Ok(Self { schema, url, count, events, tags: tags.iter().map(row).collect() })
    }

    /// Copies both tables in one transaction. Returns events a second.
    pub(crate) async fn copy(&self) -> Result<f64> {
        let Self { schema, url, .. } = self;
        let mut connection = PgConnection::connect(url).await?;
        let empty = format!("TRUNCATE {schema}.events, {schema}.event_tags");
        raw_sql(AssertSqlSafe(empty)).execute(&mut connection).await?;
        let started = Instant::now();
        let mut transaction = connection.begin().await?;
        let columns = "position, id, type, version, recorded_at, tags, data, metadata";
        for (table, rows) in
            [(format!("events ({columns})"), &self.events), ("event_tags".to_owned(), &self.tags)]
        {
            let mut copy = transaction.copy_in_raw(&format!("COPY {schema}.{table} FROM STDIN")).await?;
            for chunk in rows.as_bytes().chunks(CHUNK) {
                copy.send(chunk).await?;
            }
            copy.finish().await?;
        }
        transaction.commit().await?;
        let figure = self.count / started.elapsed().as_secs_f64();
        connection.close().await?;
        Ok(figure)
    }
}
