//! Rows that change in the transaction of the append: never without their events, never behind them, in their order.

mod races;
mod scripts;
mod tales;

use std::{panic::Location, sync::Arc};

use annalist_core::{
    Error,
    query::Criteria,
    record::Position,
    rows::{Folded, Inline, InlineId, Inlined, Row, RowChange, Switched, Table},
    store::{Append, Appended, LogId, Marker, Receipt},
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
    going_inline_folds_what_lies_behind,
    what_is_far_behind_has_to_catch_up_first,
    what_cannot_go_inline_stays_as_it_is,
    an_inline_build_takes_no_other_change,
    leaving_inline_goes_on_in_the_background,
    inline_builds_are_compared_at_the_end_of_the_log,
] durable [
    inline_builds_outlive_the_handle,
]);

pub(super) const RACES: &[crate::Case] = races::CASES;
pub(super) const SCRIPTS: &[crate::Case] = scripts::CASES;

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
fn id(fold: &Arc<dyn Inline>) -> InlineId {
    fold.table().into()
}

impl Handle {
    /// Appends as a program does: with the folds that it thinks of, and then with those that the store asks for.
    async fn along(&self, sent: Append, folds: &[Arc<dyn Inline>]) -> Outcome<Appended> {
        let mut brought = sent.inline.clone();
        loop {
            match self.append(sent.clone().brings(&brought)).await? {
                Appended::Inline(wanted) => {
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
    fn missing(&self, sent: Append) -> impl Future<Output = Outcome<Vec<InlineId>>> {
        asked(Location::caller(), async move {
            match self.append(sent).await? {
                Appended::Inline(wanted) => Ok(wanted),
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
            ensure_eq!(rows.go_inline(Arc::clone(fold)).await?, Inlined::Done, "the answer to going inline");
            Ok(())
        })
    }

    /// Keeps a table inline, however far behind it is.
    #[track_caller]
    fn goes_inline(&self, fold: &Arc<dyn Inline>) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            while self.rows().go_inline(Arc::clone(fold)).await? == Inlined::Behind {
                self.counted(&**fold, Inlined::AT_MOST).await?;
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
        let answer = log.append(other).await;
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
        let answer = log.append(sent.brings(&folds)).await;
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
    let answer = log.append(only_one.brings(&folds)).await;
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
        ensure!(matches!(answer, Appended::Done(_)), "an append without conditions gives {answer:?}");
    }
    let rows = log.rows_are_the_log(&folds[0]).await?;
    ensure!(!rows.is_empty(), "no tale was told");
    for fold in &folds {
        ensure_eq!(log.rows_are_the_log(fold).await?, rows, "the rows of one of four builds of one log");
    }
    Ok(())
}

/// An event of any type about up to three of five heroes.
fn random_tale(random: &mut fastrand::Rng, number: usize) -> annalist_core::record::Draft {
    let mut heroes = ["a", "b", "c", "d", "e"];
    random.shuffle(&mut heroes);
    let name = match random.u8(0..10) {
        0..6 => "told",
        6..8 => "sung",
        8 => "unheard",
        // Seldom: it hides what was told wrong before.
        _ => "forgotten",
    };
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

async fn going_inline_folds_what_lies_behind(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let fold = [tales(TALES)];
    let rows = log.rows();
    rows.defined(&TALES).await?;
    let first =
        log.accepted(append([tale("told", &["a", "b"], 1), tale("sung", &["a"], 2)])).await?.position();
    log.settle(first).await?;
    // A runner took the first two; the other events are left for the transaction that makes it inline.
    let counted = folded(&*fold[0], &log.everything().await?)?;
    rows.done(change(&TALES, 0, first.get()).writes(counted)).await?;
    let events = [
        tale("forgotten", &["b"], 3),
        event("other", &["hero:a"]),
        tale("told", &["a", "c"], 4),
        event("other", &[]),
    ];
    let last = log.accepted(append(events)).await?.position();
    rows.report(&TALES, Some("a reason")).await?;
    ensure_eq!(rows.go_inline(Arc::clone(&fold[0])).await?, Inlined::Done, "the answer to going inline");
    let build = handles[1].rows().build(&TALES).await?;
    ensure!(build.inline && !build.live, "a build that went inline says {build:?}");
    ensure!(
        build.checkpoint.position >= last,
        "a build that went inline stands at {}",
        build.checkpoint.position
    );
    ensure_eq!(build.checkpoint.stopped, None, "why a build stands still that went inline");
    log.rows_are_the_log(&fold[0]).await?;
    // Once is enough, from every handle.
    for handle in &handles {
        ensure_eq!(
            handle.rows().go_inline(Arc::clone(&fold[0])).await?,
            Inlined::Done,
            "the answer the second time"
        );
        log.rows_are_the_log(&fold[0]).await?;
    }
    handles[1].told(append([tale("told", &["a"], 5)]), &fold).await?;
    let found = log.rows_are_the_log(&fold[0]).await?;
    ensure_eq!(found[0][1], text("t1 s2 t4 t5 "), "the tale from before and behind");
    ensure_eq!(rows.build(&TALES).await?.checkpoint, build.checkpoint, "the checkpoint, which stays");
    Ok(())
}

async fn what_is_far_behind_has_to_catch_up_first(log: Log) -> Outcome {
    let fold = tales_of(TALES, &["told"]);
    let rows = log.rows();
    rows.defined(&TALES).await?;
    let others = (0..500).map(|n| tale("sung", &["a"], n));
    let own = (0..Inlined::AT_MOST + 1).map(|n| tale("told", &[["a", "b", "c"][n % 3]], n));
    let at = positions(&log.accepted(append(others.chain(own))).await?);
    log.settle(at[at.len() - 1]).await?;
    let first = at[500].get();
    let before = rows.build(&TALES).await?;
    ensure_eq!(
        rows.go_inline(Arc::clone(&fold)).await?,
        Inlined::Behind,
        "the answer to a build that is far behind"
    );
    ensure_eq!(rows.build(&TALES).await?, before, "a build that is far behind");
    ensure_eq!(rows.all(&TALES).await?.len(), 0, "rows of a build that is far behind");
    log.accepted(append([tale("sung", &["a"], 1)])).await?;
    // With the first one counted it is near enough, but for an event that is parked.
    let wanted = folded(&*fold, &log.everything().await?[..501])?;
    let sent = change(&TALES, 0, first).writes(wanted).anchored(anchor(first));
    rows.done(sent.parks(vec![parked(first, &["a"], "no", 1)])).await?;
    let before = rows.build(&TALES).await?;
    ensure_eq!(
        rows.go_inline(Arc::clone(&fold)).await?,
        Inlined::Behind,
        "the answer to a build with a parked event"
    );
    ensure_eq!(rows.build(&TALES).await?, before, "a build with a parked event");
    rows.done(change(&TALES, first, first).with(1).unparks([first])).await?;
    ensure_eq!(
        rows.go_inline(Arc::clone(&fold)).await?,
        Inlined::Done,
        "the answer to a build that is near enough"
    );
    log.rows_are_the_log(&fold).await.map(drop)
}

async fn what_cannot_go_inline_stays_as_it_is(log: Log) -> Outcome {
    let rows = log.rows();
    let fold = tales(TALES);
    unusable(rows.go_inline(Arc::clone(&fold)).await)?;
    ensure_eq!(rows.builds("tales").await?, [], "builds after one went inline that was never defined");
    rows.define(&TALES, LogId::fresh()).await?;
    let before = rows.builds("tales").await?;
    let error = unusable(rows.go_inline(Arc::clone(&fold)).await)?;
    ensure!(error.contains("tales_v1"), "the error must name the table: {error}");
    ensure_eq!(rows.builds("tales").await?, before, "a build of another log");
    for (build, step) in (1..).zip(["keys", "fold"]) {
        let failing = tales(TALES.built(build));
        rows.defined(failing.table()).await?;
        log.accepted(append([tale("told", &["b"], 1), bad(step)])).await?;
        let before = rows.build(failing.table()).await?;
        let answer = rows.go_inline(Arc::clone(&failing)).await;
        ensure!(
            matches!(answer, Err(Error::Invalid(_) | Error::Unusable { .. })),
            "a fold that fails gives {answer:?}"
        );
        ensure_eq!(rows.build(failing.table()).await?, before, "a build whose fold failed");
        ensure_eq!(rows.all(failing.table()).await?.len(), 0, "rows of a build whose fold failed");
    }
    // Nothing went inline, so nothing has to be brought.
    log.accepted(append([tale("told", &["a"], 2)])).await.map(drop)
}

async fn an_inline_build_takes_no_other_change(log: Log) -> Outcome {
    let rows = log.rows();
    let fold = tales(TALES);
    log.kept_inline(&fold).await?;
    log.told(append([tale("told", &["a"], 1)]), std::slice::from_ref(&fold)).await?;
    let before = rows.build(&TALES).await?;
    let at = before.checkpoint.position.get();
    for (from, to) in [(at, at + 1), (at, at), (at + 1, at + 2), (0, 1)] {
        let sent = change(&TALES, from, to);
        let all =
            sent.clone().writes(vec![hero("b", "x", Position::new(9))]).parks(vec![parked(1, &[], "no", 1)]);
        for sent in [sent, all] {
            let error = unusable(rows.commit(sent).await)?;
            ensure!(error.contains("tales_v1"), "the error must name the table: {error}");
        }
    }
    unusable(rows.discard(&TALES).await)?;
    ensure_eq!(rows.build(&TALES).await?, before, "an inline build after other changes");
    log.rows_are_the_log(&fold).await?;
    // It is defined again and goes live like any other.
    ensure_eq!(rows.defined(&TALES).await?, before.checkpoint, "an inline build, defined again");
    rows.goes_live(&TALES, true).await?;
    let build = rows.build(&TALES).await?;
    ensure!(build.inline && build.live, "an inline build that went live says {build:?}");
    log.told(append([tale("told", &["a"], 2)]), std::slice::from_ref(&fold)).await?;
    log.rows_are_the_log(&fold).await.map(drop)
}

async fn leaving_inline_goes_on_in_the_background(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[1].rows();
    let fold = [tales(TALES)];
    unusable(rows.leave_inline(&TALES).await)?;
    let fresh = rows.defined(&TALES).await?;
    ensure_eq!(rows.leave_inline(&TALES).await?, fresh, "the checkpoint of a build that was never inline");
    log.kept_inline(&fold[0]).await?;
    log.told(append([tale("told", &["a"], 1), event("other", &[])]), &fold).await?;
    let last = log.told(append([tale("told", &["a", "b"], 2)]), &fold).await?;
    let left = rows.leave_inline(&TALES).await?;
    ensure!(
        left.position >= last.position(),
        "a build that left stands at {}, before {last:?}",
        left.position
    );
    ensure!(
        left.anchor.is_none_or(|anchor| anchor.position <= left.position),
        "its anchor is {:?}",
        left.anchor
    );
    if let Some(anchor) = left.anchor {
        let there = log.everything().await?.into_iter().find(|record| record.position == anchor.position);
        ensure_eq!(there.map(|record| record.id), Some(anchor.event), "the event of its anchor");
    }
    ensure_eq!((left.parked, &left.stopped), (0, &None), "what else stands in its checkpoint");
    let build = log.rows().build(&TALES).await?;
    ensure!(!build.inline, "a build that left says {build:?}");
    ensure_eq!(build.checkpoint, left, "the checkpoint of a build that left");
    ensure_eq!(rows.leave_inline(&TALES).await?, left, "the checkpoint of a build that left twice");
    log.rows_are_the_log(&fold[0]).await?;
    // Appends need no fold any more, and a runner goes on from there, with nothing missing and nothing counted twice.
    ensure_eq!(
        log.missing(append([tale("told", &["a"], 3)]).brings(&fold)).await?,
        [],
        "what an append needs"
    );
    let next = log.accepted(append([tale("told", &["a"], 3)])).await?.position();
    log.settle(next).await?;
    let behind = log.drain(&taken(&*fold[0]), left.position, 10, next).await?;
    ensure_eq!(places(&behind), [next], "events behind a build that left");
    let counted = folded(&*fold[0], &log.everything().await?)?;
    rows.done(change(&TALES, left.position.get(), next.get()).writes(counted)).await?;
    log.rows_are_the_log(&fold[0]).await?;
    log.accepted(append([tale("sung", &["b"], 4)])).await?;
    ensure_eq!(
        rows.go_inline(Arc::clone(&fold[0])).await?,
        Inlined::Done,
        "the answer to going inline again"
    );
    log.told(append([tale("sung", &["b"], 5)]), &fold).await?;
    log.rows_are_the_log(&fold[0]).await?;
    rows.leave_inline(&TALES).await?;
    ensure!(rows.discard(&TALES).await?, "a build that left was there, and was not discarded");
    Ok(())
}

async fn inline_builds_are_compared_at_the_end_of_the_log(log: Log) -> Outcome {
    let rows = log.rows();
    let folds = [TALES, TALES.built(1), TALES.built(2)].map(tales);
    let [first, second, third] = &folds;
    log.kept_inline(first).await?;
    rows.goes_live(&TALES, false).await?;
    log.told(append([tale("told", &["a", "b"], 1)]), &folds[..1]).await?;
    rows.defined(second.table()).await?;
    let before = rows.builds("tales").await?;
    ensure_eq!(
        rows.switch(second.table(), true).await?,
        Switched::Apart,
        "the comparison of one that is inline"
    );
    ensure_eq!(rows.builds("tales").await?, before, "builds of which one is inline");
    log.kept_inline(second).await?;
    // Both follow the log, wherever they went inline.
    log.told(append([tale("told", &["a"], 2)]), &folds[..2]).await?;
    rows.goes_live(second.table(), true).await?;
    rows.defined(third.table()).await?;
    let wrong = vec![hero("a", "wrong ", Position::new(1)), hero("c", "wrong ", Position::new(1))];
    rows.done(change(third.table(), 0, 0).writes(wrong)).await?;
    log.kept_inline(third).await?;
    let Switched::Differs(difference) = rows.switch(third.table(), true).await? else {
        return Err(Failure::new("inline builds with other rows must differ"));
    };
    ensure_eq!((difference.missing, difference.added, difference.changed), (0, 1, 1), "rows that differ");
    ensure_eq!(difference.example, Some(vec![text("a")]), "the first key that differs");
    Ok(())
}

async fn inline_builds_outlive_the_handle(log: Log) -> Outcome {
    let folds = [tales(TALES), tales_of(Table { projection: "songs", ..TALES }, &["sung"])];
    for fold in &folds {
        log.kept_inline(fold).await?;
    }
    log.told(append([tale("told", &["a"], 1)]), &folds[..1]).await?;
    let before = log.rows().build(&TALES).await?;
    let log = log.restarted().await?;
    ensure_eq!(log.rows().build(&TALES).await?, before, "an inline build after a restart");
    let both = append([tale("told", &["a"], 2), tale("sung", &["a"], 3)]);
    ensure_eq!(
        log.missing(both.clone()).await?,
        [id(&folds[1]), id(&folds[0])],
        "what an append needs after a restart"
    );
    log.told(both, &folds).await?;
    for fold in &folds {
        log.rows_are_the_log(fold).await?;
    }
    log.rows().leave_inline(&TALES).await?;
    let log = log.restarted().await?;
    ensure!(!log.rows().build(&TALES).await?.inline, "a build that left is inline after a restart");
    log.accepted(append([tale("told", &["a"], 4)])).await.map(drop)
}
