//! One stream for each account, on PostgreSQL.
//!
//! The unique number of each event of an account makes an append exact: one statement without explicit locks and
//! without a transaction around it, as is usual with one stream for each account.

use sqlx::PgPool;
use uuid::Uuid;

use super::{
    back_off,
    event::{self, Draft},
};
use crate::{
    Result,
    domain::{Account, AccountEvent, AccountId, Deposit, Fill, Open, Refused},
    environment::{Commits, Environment},
};

const LOAD: &str = "SELECT type, data::text FROM events WHERE stream = $1 ORDER BY stream_version";

const APPEND: &str = "
    WITH event AS (
      INSERT INTO events (id, type, version, recorded_at, tags, data, metadata, stream, stream_version)
      VALUES ($1, $2, 1, now(), $3, $4::text::json, $5::text::json, $6, $7)
      ON CONFLICT (stream, stream_version) DO NOTHING
      RETURNING tags, type, position)
    INSERT INTO event_tags (tag, type, position) SELECT unnest(tags), type, position FROM event";

const APPEND_ALL: &str = "
    WITH event AS (
      INSERT INTO events (id, type, version, recorded_at, tags, data, metadata, stream, stream_version)
      SELECT e.id, e.type, 1, now(), ARRAY[e.tag], e.data::json, $5::text::json, $6, e.number
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS e(id, type, tag, data, number)
      RETURNING tags, type, position)
    INSERT INTO event_tags (tag, type, position) SELECT unnest(tags), type, position FROM event";

const SEED: &str = "
    WITH event AS (
      INSERT INTO events (id, type, version, recorded_at, tags, data, metadata, stream, stream_version)
      SELECT gen_random_uuid(), 'account.deposited', 1, now(), ARRAY[a.tag], a.data::json, $4::text::json, a.stream, n
      FROM unnest($1::uuid[], $2::text[], $3::text[]) AS a(stream, tag, data) CROSS JOIN generate_series(1, $5) AS n
      RETURNING tags, type, position)
    INSERT INTO event_tags (tag, type, position) SELECT unnest(tags), type, position FROM event";

#[derive(Clone)]
pub(crate) struct Bank {
    pool: PgPool,
}

impl Bank {
    pub(crate) async fn open_on(environment: &Environment, tasks: usize, commits: Commits) -> Result<Self> {
        let schema = super::schema_with_streams(environment).await?;
        Self::open_in(environment, &schema, tasks, commits).await
    }

    pub(crate) async fn open_in(
        environment: &Environment,
        schema: &str,
        tasks: usize,
        commits: Commits,
    ) -> Result<Self> {
        Ok(Self::of(environment.pool(tasks, schema, commits).await?))
    }

    pub(crate) fn of(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Loads, decides and inserts, and retries if another event was inserted meanwhile.
    pub(crate) async fn deposit(&self, command: &Deposit) -> Result<()> {
        loop {
            let (account, version) = self.load(command.account).await?;
            let event = account.deposit(command)?;
            if self.append("deposit", command.account, version + 1, event).await? {
                return Ok(());
            }
            back_off().await;
        }
    }

    /// One insert, which fails if the stream exists, because its first number is taken.
    pub(crate) async fn open(&self, command: &Open) -> Result<()> {
        let event = Account::new(command.account).open(command)?;
        match self.append("open", command.account, 1, event).await? {
            true => Ok(()),
            false => Err(Refused::Open.into()),
        }
    }

    /// Inserts the deposits on a new account, with the numbers from 1, in one statement. It fails if the stream exists.
    pub(crate) async fn fill(&self, command: &Fill) -> Result<()> {
        let events = Account::new(command.account).fill(command)?;
        let (mut ids, mut names, mut tags, mut data) = (vec![], vec![], vec![], vec![]);
        for event in events {
            let mut draft = event::encode(event)?;
            ids.push(Uuid::now_v7());
            names.push(draft.name);
            tags.extend(draft.tags.pop());
            data.push(draft.data);
        }
        let append = sqlx::query(APPEND_ALL).bind(ids).bind(names).bind(tags).bind(data);
        append.bind(event::metadata("fill")).bind(uuid(command.account)).execute(&self.pool).await?;
        Ok(())
    }

    /// An account and the number of its events.
    pub(crate) async fn load(&self, id: AccountId) -> Result<(Account, i32)> {
        let rows: Vec<(String, String)> = sqlx::query_as(LOAD).bind(uuid(id)).fetch_all(&self.pool).await?;
        let mut account = Account::new(id);
        for (name, data) in &rows {
            account.apply(&event::decode(name, data)?);
        }
        Ok((account, rows.len() as i32))
    }

    /// Inserts an event, and returns `true` if its number was free.
    async fn append(
        &self,
        command: &str,
        stream: AccountId,
        version: i32,
        event: AccountEvent,
    ) -> Result<bool> {
        let Draft { name, tags, data } = event::encode(event)?;
        let append = sqlx::query(APPEND).bind(Uuid::now_v7()).bind(name).bind(tags).bind(data);
        let append = append.bind(event::metadata(command)).bind(uuid(stream)).bind(version);
        Ok(append.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// Inserts a number of deposits on each account, in one statement.
    pub(crate) async fn seed(&self, accounts: &[AccountId], events: usize) -> Result<()> {
        let drafts: Vec<Draft> =
            accounts.iter().map(|account| event::deposited(*account, 1)).collect::<Result<_>>()?;
        let (tags, data): (Vec<_>, Vec<_>) =
            drafts.iter().map(|draft| (draft.tags[0].as_str(), draft.data.as_str())).unzip();
        let streams: Vec<Uuid> = accounts.iter().copied().map(uuid).collect();
        let seed = sqlx::query(SEED).bind(streams).bind(tags).bind(data);
        seed.bind(event::metadata("fill")).bind(events as i32).execute(&self.pool).await?;
        Ok(())
    }
}

fn uuid(id: AccountId) -> Uuid {
    *annalist::Id::as_inner(&id)
}
