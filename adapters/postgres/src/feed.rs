//! How far the log is settled, the gaps in front of that, and pages of the part behind.
//!
//! Appends draw their positions side by side, so a later one may be committed first. The mark stands before the first
//! position that is missing, and moves over it when it has appeared or when it was closed with a tombstone. Closing needs
//! no proof that the writer is gone: the primary key lets only one of them have the position, and the loser knows.
//! How long a gap is left alone is therefore a matter of courtesy, not of safety.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::Position,
    store::{Gap, Page, Settled},
};
use sqlx::{Row, postgres::PgRow};
use tokio::{
    runtime::Handle,
    sync::{Mutex, MutexGuard},
    time::sleep,
};

use crate::{
    Store,
    errand::{Errand, Turn},
    error::server,
    rows::{Items, number, position},
};

/// Rows that one step walks over.
const STEP: i64 = 10_000;
/// Gaps that one step looks at.
const HOLES: i64 = 64;
/// How long a gap is seen open before somebody claims it.
const COURTESY: Duration = Duration::from_millis(20);
/// How long a process that was not allowed to claim a gap leaves that to others before it tries again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long after an append its process looks behind it: appends close together are looked after together.
const LINGER: Duration = Duration::from_millis(20);
/// How often it looks while a gap is open, at first and at last.
const LOOKS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));
/// How far the mark moves before it is kept for the next process.
const KEEP: u64 = 4096;

/// How far this process knows the log to be settled.
pub(crate) struct Mark {
    /// A copy for those who need only the position.
    position: AtomicU64,
    walk: Mutex<Walk>,
    /// Looking after our own appends.
    looking: Arc<Errand>,
}

struct Walk {
    settled: Settled,
    /// When the last step started, and why it failed if it did.
    last: Option<(Instant, Option<String>)>,
    /// Some gap is open: since when, and the last position that was taken then. What is missing before it now was
    /// missing all the time.
    open: Option<(Instant, i64)>,
    /// The mark that the database has.
    kept: Position,
}

/// Why a gap stays open, and how long not to try again.
struct Refused {
    reason: String,
    pause: Duration,
}

/// What one step found.
struct Step {
    settled: Position,
    head: i64,
    gaps: Vec<i64>,
    full: bool,
}

impl Mark {
    pub(crate) fn at(position: Position) -> Self {
        Self {
            position: AtomicU64::new(position.get()),
            walk: Mutex::new(Walk {
                settled: Settled { position, gap: None },
                last: None,
                open: None,
                kept: position,
            }),
            looking: Arc::default(),
        }
    }

    /// A position up to which the log is settled, maybe not the last one.
    pub(crate) fn get(&self) -> Position {
        Position::new(self.position.load(Ordering::Acquire))
    }
}

impl Store {
    pub(crate) async fn feed(&self, filter: &Criteria, after: Position, limit: usize) -> Result<Page, Error> {
        let mut page = Page { records: Vec::new(), up_to: after, gap: None };
        // Who reads far behind the mark need not know where it is by now.
        self.fill(&mut page, filter, self.mark.get(), limit).await?;
        if page.records.len() < limit {
            let Settled { position, gap } = self.settle().await?;
            self.fill(&mut page, filter, position, limit).await?;
            page.gap = gap.filter(|_| page.records.len() < limit);
        }
        Ok(page)
    }

    /// Adds what follows a page up to a position that is settled, as far as there is room.
    async fn fill(
        &self,
        page: &mut Page,
        filter: &Criteria,
        settled: Position,
        limit: usize,
    ) -> Result<(), Error> {
        let room = limit.saturating_sub(page.records.len());
        if room == 0 || settled <= page.up_to {
            return Ok(());
        }
        let rows = i64::try_from(room).unwrap_or(i64::MAX);
        let found = self.page(&self.pool, filter, page.up_to, settled, rows).await?;
        page.up_to = match found.last() {
            Some(last) if found.len() >= room => last.position,
            _ => settled,
        };
        page.records.extend(found);
        Ok(())
    }

    pub(crate) async fn count(
        &self,
        criteria: &Criteria,
        after: Position,
        up_to: Position,
    ) -> Result<u64, Error> {
        let settled = self.settle().await?.position;
        let mut items = Items::default();
        criteria.items().iter().for_each(|item| items.push(0, item));
        let query = self.sql.count.planned().bind(items.types).bind(items.tags);
        let query = query.bind(number(after)).bind(number(up_to.min(settled)));
        let row = query.fetch_one(&self.pool).await.map_err(|error| self.unread(error))?;
        row.try_get("count").map(i64::unsigned_abs).map_err(|error| self.unread(error))
    }

    /// Walks as far as there is no gap, and closes gaps that nobody is going to fill.
    ///
    /// Feeds of one process share the walk: whoever waited for a step that started after its own question takes its answer,
    /// also if it is that the server does not answer.
    pub(crate) async fn settle(&self) -> Result<Settled, Error> {
        let asked = Instant::now();
        let mut walk = self.mark.walk.lock().await;
        match &walk.last {
            Some((started, None)) if *started >= asked => {}
            Some((started, Some(reason))) if *started >= asked => {
                return Err(Error::unavailable(self.doing("read"), reason.clone()));
            }
            _ => self.walk(&mut walk).await?,
        }
        Ok(walk.settled.clone())
    }

    async fn walk(&self, walk: &mut MutexGuard<'_, Walk>) -> Result<(), Error> {
        loop {
            let started = Instant::now();
            let step = self.step(walk.settled.position).await;
            walk.last = match &step {
                Ok(_) => Some((started, None)),
                Err(Error::Unavailable { reason, .. }) => Some((started, Some(reason.clone()))),
                Err(_) => None,
            };
            let step = step?;
            self.move_to(walk, step.settled).await;
            let Some(first) = step.gaps.first().copied() else {
                (walk.settled.gap, walk.open) = (None, None);
                if step.full { continue } else { break }
            };
            match walk.open {
                Some((since, head)) if since.elapsed() >= COURTESY => {
                    let old = step.gaps.iter().copied().filter(|gap| *gap < head).collect();
                    let refused = self.claim(old).await?;
                    let pause = refused.as_ref().map_or(Duration::ZERO, |refused| refused.pause);
                    walk.open = Some((Instant::now() + pause, step.head));
                    if let Some(Refused { reason, .. }) = refused {
                        walk.settled.gap = Some(Gap { position: position(first), reason });
                        break;
                    }
                }
                open => {
                    walk.open = open.or(Some((started, step.head)));
                    let reason = "its append is still running, or has just ended without it".to_owned();
                    walk.settled.gap = Some(Gap { position: position(first), reason });
                    break;
                }
            }
        }
        Ok(())
    }

    async fn step(&self, after: Position) -> Result<Step, Error> {
        let query = self.sql.advance_high_water.query().bind(number(after)).bind(STEP).bind(HOLES);
        let row = query.fetch_one(&self.pool).await.map_err(|error| self.unread(error))?;
        step(&row).map_err(|error| self.unread(error))
    }

    async fn move_to(&self, walk: &mut MutexGuard<'_, Walk>, settled: Position) {
        walk.settled.position = settled;
        self.mark.position.fetch_max(settled.get(), Ordering::AcqRel);
        if settled.get() >= walk.kept.get().saturating_add(KEEP) {
            walk.kept = settled;
            self.keep(settled).await;
        }
    }

    /// Closes gaps with tombstones. Says why one stays open, if one does.
    ///
    /// The server's refusals are reasons too: a role that may not insert, and a standby, wait until somebody else has
    /// closed the gap.
    async fn claim(&self, gaps: Vec<i64>) -> Result<Option<Refused>, Error> {
        let query = self.sql.close_gaps.query().bind(gaps);
        match query.fetch_one(&self.pool).await.and_then(|row| row.try_get::<Option<i64>, _>("busy")) {
            Ok(busy) => Ok(busy.map(|busy| Refused {
                reason: format!("the append that has position {busy} is still running"),
                pause: Duration::ZERO,
            })),
            Err(error) => match server(&error) {
                Some(said) => Ok(Some(Refused {
                    reason: format!(
                        "this process cannot close it ({}) and waits for one that can",
                        said.message()
                    ),
                    pause: AGAIN,
                })),
                None => Err(self.unread(error)),
            },
        }
    }

    /// Lets the next process start where we are. It costs that process time if this does not work, and nobody else.
    pub(crate) async fn keep_mark(&self) {
        self.keep(self.mark.get()).await;
    }

    async fn keep(&self, mark: Position) {
        if let Err(error) = self.sql.save_high_water.query().bind(number(mark)).execute(&self.pool).await {
            tracing::debug!(log = self.name, %error, "the settled mark was not kept");
        }
    }

    /// Looks after an append of ours until the log is settled behind it, in a task of its own that ends by itself: a gap
    /// must not stay open because nobody reads feeds in a process that may close it.
    pub(crate) fn close_holes(store: &Arc<Self>) {
        if let (Some(turn), Ok(runtime)) = (store.mark.looking.want(), Handle::try_current()) {
            runtime.spawn(look_after(Arc::downgrade(store), turn));
        }
    }

    /// Whether nothing stands in the way of those who follow, as far as this process can tell.
    async fn is_settled(&self) -> bool {
        match self.settle().await {
            Ok(settled) => settled.gap.is_none(),
            Err(error) => !error.is_unavailable() || self.pool.is_closed(),
        }
    }
}

async fn look_after(store: Weak<Store>, mut turn: Turn) {
    sleep(LINGER).await;
    let (mut pause, longest) = LOOKS;
    while let Some(store) = store.upgrade() {
        turn.begin();
        if store.is_settled().await && turn.is_over() {
            break;
        }
        drop(store);
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

fn step(row: &PgRow) -> Result<Step, sqlx::Error> {
    Ok(Step {
        settled: position(row.try_get("high_water")?),
        head: row.try_get("head")?,
        gaps: row.try_get("gaps")?,
        full: row.try_get::<i64, _>("rows")? >= STEP,
    })
}
