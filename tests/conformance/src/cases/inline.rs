//! Rows that change in the transaction of the append: never without their events, never behind them, in their order.

mod going;
mod races;
mod scripts;
mod tales;
mod together;

use std::{panic::Location, sync::Arc};

use annalist_core::{
    Error,
    criteria::Criteria,
    record::Position,
    rows::{BuildId, Folded, Inline, InlineOutcome, PromoteOutcome, Row, RowChange, Table},
    store::{Append, AppendOutcome, LogId, Marker, Receipt},
};

use self::tales::*;
use crate::{
    Failure,
    failure::Outcome,
    given::*,
    log::{Handle, Log, asked},
    rows::*,
};

cases!("inline" needs [Rows, Inline]: [
    an_append_without_the_fold_is_told_and_writes_nothing,
    rows_change_with_the_append,
    an_append_brings_exactly_what_is_kept,
    events_of_other_types_need_no_fold,
    a_refused_append_changes_no_rows,
    a_command_that_is_known_counts_once,
    a_fold_that_fails_leaves_nothing,
    several_builds_change_together,
    many_rows_in_one_append,
]);

pub(super) const GOING: &[crate::Case] = going::CASES;
pub(super) const RACES: &[crate::Case] = races::CASES;
pub(super) const SCRIPTS: &[crate::Case] = scripts::CASES;
pub(super) const TOGETHER: &[crate::Case] = together::CASES;

/// What can be put on an append, too.
trait Brings {
    /// With the folds of inline builds.
    fn brings(self, folds: &[Arc<dyn Inline>]) -> Self;
}

impl Brings for Append {
    fn brings(self, folds: &[Arc<dyn Inline>]) -> Self {
        Self { inline: folds.to_vec(), ..self }
    }
}

/// Which build the fold of a table is for.
fn id(fold: &Arc<dyn Inline>) -> BuildId {
    fold.table().into()
}

impl Handle {
    /// Appends as a program does: with the folds that it thinks of, and then with those that the store asks for.
    async fn along(&self, sent: Append, folds: &[Arc<dyn Inline>]) -> Outcome<AppendOutcome<Receipt>> {
        let mut brought = sent.inline.clone();
        loop {
            match self.append_one(sent.clone().brings(&brought)).await? {
                AppendOutcome::InlineRequired { builds: wanted, .. } => {
                    brought = folds.iter().filter(|fold| wanted.contains(&id(fold))).cloned().collect();
                    ensure_eq!(brought.len(), wanted.len(), "of {wanted:?} those that the program has");
                }
                other => return Ok(other),
            }
        }
    }

    /// Appends with folds what must be accepted at once.
    #[track_caller]
    fn told(&self, sent: Append, folds: &[Arc<dyn Inline>]) -> impl Future<Output = Outcome<Receipt>> {
        self.accepted(sent.brings(folds))
    }

    /// Appends what lacks the folds of builds; gives which.
    #[track_caller]
    fn missing(&self, sent: Append) -> impl Future<Output = Outcome<Vec<BuildId>>> {
        asked(Location::caller(), async move {
            match self.append_one(sent).await? {
                AppendOutcome::InlineRequired { builds: wanted, .. } => Ok(wanted),
                other => {
                    Err(Failure::new(format!("the append brings other folds, but the answer is {other:?}")))
                }
            }
        })
    }

    /// Defines the table of a fold and keeps it inline.
    #[track_caller]
    fn kept_inline(&self, fold: &Arc<dyn Inline>) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            let rows = self.rows();
            rows.defined(fold.table()).await?;
            ensure_eq!(
                rows.make_inline(Arc::clone(fold)).await?,
                InlineOutcome::Done,
                "the answer to going inline"
            );
            Ok(())
        })
    }

    /// Keeps a table inline, however far behind it is.
    #[track_caller]
    fn goes_inline(&self, fold: &Arc<dyn Inline>) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            while self.rows().make_inline(Arc::clone(fold)).await? == InlineOutcome::Behind {
                self.counted(&**fold, InlineOutcome::AT_MOST).await?;
            }
            Ok(())
        })
    }

    /// What a runner does: a page of the feed, the rows of its keys, and all of it in one change. Gives where that leaves it.
    async fn counted(&self, fold: &dyn Inline, limit: usize) -> Outcome<Position> {
        let (rows, table) = (self.rows(), fold.table());
        let from = rows.build(table).await?.checkpoint.position;
        let page = self.page(&taken(fold), from, limit).await?;
        let keys = fold.keys(&page.records)?;
        let found = rows.rows(table, &keys).await?;
        let Folded { upserts, deletes } = fold.fold(&page.records, keys.into_iter().zip(found).collect())?;
        rows.done(RowChange { upserts, deletes, ..RowChange::new(table, from, page.up_to) }).await?;
        Ok(page.up_to)
    }

    /// The rows of a fold, which have to be the fold of the log.
    #[track_caller]
    fn rows_are_the_log(&self, fold: &Arc<dyn Inline>) -> impl Future<Output = Outcome<Vec<Row>>> {
        asked(Location::caller(), async move {
            let rows = self.rows().all(fold.table()).await?;
            let wanted = folded(&**fold, &self.everything().await?)?;
            ensure_eq!(rows, wanted, "the rows of `{}`, which are the fold of the log", fold.table().name());
            Ok(rows)
        })
    }
}

/// A row of tales.
fn hero(name: &str, tale: &str, last: Position) -> Row {
    vec![text(name), text(tale), int(last.get().cast_signed())]
}

async fn an_append_without_the_fold_is_told_and_writes_nothing(log: Log) -> Outcome {
    let fold = tales(TALES);
    log.kept_inline(&fold).await?;
    let sent = append([tale("told", &["a"], 1), tale("sung", &["a"], 2)])
        .keyed(key("c-1", "tell", &[]))
        .journaled("{}");
    for _ in 0..2 {
        ensure_eq!(log.missing(sent.clone()).await?, [id(&fold)], "the folds that an append lacks");
    }
    ensure_eq!(log.everything().await?, [], "events of an append that lacked a fold");
    ensure_eq!(log.rows().all(&TALES).await?.len(), 0, "rows after an append that lacked a fold");
    ensure_eq!(log.journal(0, 10).await?, [], "the journal after an append that lacked a fold");
    ensure_eq!(
        log.receipt(&key("c-1", "tell", &[])).await?,
        None,
        "the receipt of an append that lacked a fold"
    );
    let receipt = log.told(sent, &[Arc::clone(&fold)]).await?;
    ensure_eq!(
        places(&log.everything().await?),
        positions(&receipt),
        "events of an append that brought the fold"
    );
    ensure_eq!(log.rows_are_the_log(&fold).await?, [hero("a", "t1 s2 ", receipt.position())], "its rows");
    ensure_eq!(log.journal(0, 10).await?.len(), 1, "the journal of an append that brought the fold");
    Ok(())
}

async fn rows_change_with_the_append(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    let events = [
        tale("told", &["a", "b"], 1),
        tale("told", &["b"], 2),
        tale("sung", &["a", "c"], 3),
        tale("told", &["d"], 4),
        tale("forgotten", &["c"], 5),
        tale("told", &[], 6),
    ];
    let at = positions(&log.told(append(events), &fold).await?);
    let wanted = [hero("a", "t1 s3 ", at[2]), hero("b", "t1 t2 ", at[1]), hero("d", "t4 ", at[3])];
    for handle in &handles {
        // At once, and through every handle.
        ensure_eq!(handle.rows().all(&TALES).await?, wanted, "rows right behind their append");
    }
    let events = [tale("forgotten", &["a", "z"], 7), tale("told", &["a"], 8), tale("forgotten", &["d"], 9)];
    let at = positions(&handles[1].told(append(events), &fold).await?);
    for handle in &handles {
        let found = handle.rows_are_the_log(&fold[0]).await?;
        ensure_eq!(found, [hero("a", "t8 ", at[1]), wanted[1].clone()], "rows behind a second append");
    }
    Ok(())
}

async fn an_append_brings_exactly_what_is_kept(log: Log) -> Outcome {
    let folds = [tales(TALES), tales(TALES.built(1)), tales(Table { projection: "songs", ..TALES })];
    let [first, second, songs] = &folds;
    let one = || append([tale("told", &["a"], 1)]);
    for fold in &folds {
        log.rows().defined(fold.table()).await?;
    }
    ensure_eq!(
        log.missing(one().brings(std::slice::from_ref(first))).await?,
        [],
        "what is kept inline of nothing"
    );
    log.kept_inline(second).await?;
    let wrong =
        [vec![], vec![first], vec![first, second], vec![second, second], vec![songs], vec![second, songs]];
    for brought in wrong {
        let brought: Vec<_> = brought.into_iter().cloned().collect();
        ensure_eq!(
            log.missing(one().brings(&brought)).await?,
            [id(second)],
            "what is kept inline, not {brought:?}"
        );
    }
    log.kept_inline(first).await?;
    log.kept_inline(songs).await?;
    // In the order of their names, versions and builds, whatever the order in which they went inline.
    let wanted = [id(songs), id(first), id(second)];
    for brought in [vec![], vec![first, second], vec![songs], vec![first, second, songs, first]] {
        let brought: Vec<_> = brought.into_iter().cloned().collect();
        ensure_eq!(
            log.missing(one().brings(&brought)).await?,
            wanted,
            "what is kept inline, not {brought:?}"
        );
    }
    ensure_eq!(log.everything().await?, [], "events of appends that brought the wrong folds");
    // What they bring comes in any order.
    for brought in [[first, second, songs], [songs, second, first]] {
        log.told(one(), &brought.map(Arc::clone)).await?;
    }
    for fold in &folds {
        log.rows_are_the_log(fold).await?;
    }
    Ok(())
}

async fn events_of_other_types_need_no_fold(log: Log) -> Outcome {
    let (told, sung) =
        (tales_of(TALES, &["told"]), tales_of(Table { projection: "songs", ..TALES }, &["sung", "hummed"]));
    for fold in [&told, &sung] {
        log.kept_inline(fold).await?;
    }
    let [only_told, only_sung, other] = [
        || append([tale("told", &["a"], 1)]),
        || append([tale("sung", &["a"], 2)]),
        // Names that are nearly theirs.
        || append(["tol", "tolda", "told.", "Told", "to", "humme"].map(|name| event(name, &["hero:a"]))),
    ];
    ensure_eq!(log.missing(only_told()).await?, [id(&told)], "what the first type needs");
    ensure_eq!(log.missing(only_sung()).await?, [id(&sung)], "what the second type needs");
    for brought in [vec![Arc::clone(&told)], vec![told.clone(), sung.clone()]] {
        ensure_eq!(log.missing(other().brings(&brought)).await?, [], "what events of other types need");
    }
    log.accepted(other()).await?;
    log.told(only_told(), std::slice::from_ref(&told)).await?;
    log.told(only_sung(), std::slice::from_ref(&sung)).await?;
    let both = append([tale("sung", &["a"], 3), event("other", &["hero:a"]), tale("told", &["a"], 4)]);
    ensure_eq!(
        log.missing(both.clone()).await?,
        [id(&sung), id(&told)],
        "what an append of both types needs"
    );
    log.told(both, &[Arc::clone(&told), Arc::clone(&sung)]).await?;
    ensure_eq!(log.rows_are_the_log(&told).await?[0][1], text("t1 t4 "), "the tale of the first type");
    ensure_eq!(log.rows_are_the_log(&sung).await?[0][1], text("s2 s3 "), "the tale of the second type");
    // Nothing is no event of any type.
    log.accepted(nothing()).await?;
    log.accepted(nothing().keyed(key("c-1", "tell", &[]))).await?;
    log.accepted(nothing().rejected("{}", "no")).await.map(drop)
}

async fn a_refused_append_changes_no_rows(log: Log) -> Outcome {
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    log.told(append([tale("told", &["a"], 1)]), &fold).await?;
    let rows = log.rows().all(&TALES).await?;
    let refused = append([tale("told", &["a", "b"], 2)]).under(of(&[], &["hero:a"]), Marker::START);
    log.conflict(refused.clone().brings(&fold)).await?;
    // The condition is looked at first, so nobody has to bring a fold to learn that it fails.
    log.conflict(refused).await?;
    ensure_eq!(log.rows_are_the_log(&fold[0]).await?, rows, "rows after a refused append");
    let marker = log.look(read(&[], &["hero:a"])).await?.marker;
    let sent = append([tale("told", &["a"], 3)]).under(of(&[], &["hero:a"]), marker);
    log.told(sent.clone(), &fold).await?;
    log.conflict(sent.brings(&fold)).await?;
    ensure_eq!(
        log.rows_are_the_log(&fold[0]).await?[0][1],
        text("t1 t3 "),
        "the tale after appends with conditions"
    );
    Ok(())
}

async fn a_command_that_is_known_counts_once(log: Log) -> Outcome {
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    let sent = append([tale("told", &["a"], 1)]).keyed(key("c-1", "tell", &["hero:a"])).journaled("{}");
    let receipt = log.told(sent.clone(), &fold).await?;
    for again in
        [sent.clone().brings(&fold), sent.clone(), sent.clone().under(Criteria::all(), Marker::START)]
    {
        ensure_eq!(log.known(again).await?, receipt, "the receipt of a command that is known");
    }
    let other = append([tale("told", &["a"], 1)]).keyed(key("c-1", "sing", &["hero:a"]));
    for other in [other.clone(), other.brings(&fold)] {
        let answer = log.append_one(other).await;
        ensure!(matches!(answer, Err(Error::Invalid(_))), "an id of another command gives {answer:?}");
    }
    ensure_eq!(
        log.rows_are_the_log(&fold[0]).await?,
        [hero("a", "t1 ", receipt.position())],
        "the tale, told once"
    );
    Ok(())
}

async fn a_fold_that_fails_leaves_nothing(log: Log) -> Outcome {
    let folds = [tales(TALES), tales_of(Table { projection: "lengths", ..TALES }, &["told"])];
    log.kept_inline(&folds[0]).await?;
    log.told(append([tale("told", &["a"], 1)]), &folds[..1]).await?;
    log.kept_inline(&folds[1]).await?;
    let before = log.everything().await?;
    for step in ["keys", "fold"] {
        let sent =
            append([tale("told", &["b"], 2), bad(step)]).keyed(key("c-1", "tell", &[])).journaled("{}");
        let answer = log.append_one(sent.brings(&folds)).await;
        ensure!(matches!(answer, Err(Error::Invalid(_))), "an append whose fold fails gives {answer:?}");
        ensure_eq!(log.everything().await?, before, "events after a fold failed");
        ensure_eq!(log.journal(0, 10).await?, [], "the journal after a fold failed");
        ensure_eq!(log.receipt(&key("c-1", "tell", &[])).await?, None, "the receipt after a fold failed");
        for fold in &folds {
            log.rows_are_the_log(fold).await?;
        }
        // Neither is anything stuck behind it.
        log.settle(before[0].position).await?;
    }
    let only_one = append([event_with("sung", &["hero:a"], "\"fold\""), tale("told", &["a"], 3)]);
    let answer = log.append_one(only_one.brings(&folds)).await;
    ensure!(matches!(answer, Err(Error::Invalid(_))), "an append of which one fold fails gives {answer:?}");
    for fold in &folds {
        log.rows_are_the_log(fold).await?;
    }
    let last =
        log.told(append([tale("told", &["a"], 4)]).keyed(key("c-1", "tell", &[])), &folds).await?.position();
    log.settle(last).await?;
    ensure_eq!(
        log.rows_are_the_log(&folds[0]).await?,
        [hero("a", "t1 t4 ", last)],
        "the tale behind failed folds"
    );
    Ok(())
}

async fn several_builds_change_together(log: Log) -> Outcome {
    let folds =
        [TALES, TALES.built(1), Table { version: 2, ..TALES }, Table { projection: "songs", ..TALES }]
            .map(tales);
    for fold in &folds {
        log.kept_inline(fold).await?;
    }
    let mut random = log.random("tales");
    for number in 0..log.rounds(20) {
        let events: Vec<_> = (0..random.usize(1..4)).map(|_| random_tale(&mut random, number)).collect();
        let answer = log.along(append(events), &folds).await?;
        ensure!(
            matches!(answer, AppendOutcome::Appended(_)),
            "an append without conditions gives {answer:?}"
        );
    }
    let answer = log.along(append([tale("told", &["a"], log.rounds(20))]), &folds).await?;
    ensure!(matches!(answer, AppendOutcome::Appended(_)), "an append without conditions gives {answer:?}");
    let rows = log.rows_are_the_log(&folds[0]).await?;
    for fold in &folds {
        ensure_eq!(log.rows_are_the_log(fold).await?, rows, "the rows of one of four builds of one log");
    }
    Ok(())
}

/// An event of any type about up to three of five heroes.
fn random_tale(random: &mut fastrand::Rng, number: usize) -> annalist_core::record::Draft {
    let mut heroes = ["a", "b", "c", "d", "e"];
    let name = match random.u8(0..10) {
        0..6 => "told",
        6..8 => "sung",
        8 => "unheard",
        // It hides what was told wrong before, so it never is about more than two of them.
        _ => return tale("forgotten", &heroes[3..][..random.usize(0..3)], number),
    };
    random.shuffle(&mut heroes);
    tale(name, &heroes[..random.usize(0..4)], number)
}

async fn many_rows_in_one_append(log: Log) -> Outcome {
    let fold = [tales(TALES)];
    log.kept_inline(&fold[0]).await?;
    let names: Vec<String> = (0..1_500).map(|n| format!("hero {n}")).collect();
    let events =
        |start: usize| names.iter().enumerate().map(move |(n, name)| tale("told", &[name, "all"], start + n));
    log.told(append(events(0)), &fold).await?;
    log.told(append(events(10_000)), &fold).await?;
    ensure_eq!(log.rows_are_the_log(&fold[0]).await?.len(), 1_501, "heroes of two large appends");
    Ok(())
}
