//! Builds of a projection: tables that stand side by side, each with rows, a checkpoint and parked events of its own.

use annalist_core::{
    Error,
    record::Position,
    rows::{Bound, Build, Checkpoint, ColumnType, Role, Table},
    store::LogId,
};

use crate::{
    failure::Outcome,
    log::{Log, together},
    rows::*,
};

cases!("build" needs [Rows]: [
    a_projection_that_was_never_defined_has_none,
    a_new_build_stands_at_the_start_and_is_not_live,
    builds_have_rows_of_their_own,
    builds_are_listed_from_the_oldest_to_the_newest,
    the_newest_build_of_a_version_speaks_for_it,
    defining_a_build_again_changes_nothing,
    a_build_tells_its_columns_and_its_log,
    many_may_define_builds_at_once,
    a_table_without_columns_is_a_checkpoint_alone,
    names_of_tables_without_columns_are_checked,
    the_longest_names_of_builds,
] durable [
    builds_outlive_the_handle,
]);

/// The second version of [`THINGS`], of other columns.
pub(super) const SECOND: Table = Table {
    projection: "things",
    version: 2,
    build: 0,
    columns: &[column("thing", ColumnType::Int, Role::Key), optional("name", ColumnType::Text, Role::Index)],
};

/// A table without columns.
pub(super) const ROWLESS: Table = Table { projection: "things", version: 1, build: 0, columns: &[] };

fn places(builds: &[Build]) -> Vec<(u32, u32)> {
    builds.iter().map(Build::order).collect()
}

async fn a_projection_that_was_never_defined_has_none(log: Log) -> Outcome {
    let rows = log.rows();
    ensure_eq!(rows.builds("things").await?, [], "the builds of nothing");
    rows.defined(&THINGS).await?;
    for name in ["thing", "things_", "things_v1", "Things", "", "th_ngs", "%", "'\"é"] {
        ensure_eq!(rows.builds(name).await?, [], "the builds of {name:?}");
    }
    Ok(())
}

async fn a_new_build_stands_at_the_start_and_is_not_live(log: Log) -> Outcome {
    let rows = log.rows();
    for table in [THINGS, THINGS.built(1), SECOND, ROWLESS.built(7)] {
        ensure_eq!(rows.defined(&table).await?, Checkpoint::default(), "what `define` says of a new build");
        let Build { version, build, shape, log: of, live, inline, checkpoint, updated_at: _ } =
            rows.build(&table).await?;
        ensure_eq!((version, build), table.order(), "which build it is");
        ensure_eq!(shape, table.shape(), "the columns of a new build");
        ensure_eq!(of, log.log_id(), "the log of a new build");
        ensure_eq!(checkpoint, Checkpoint::default(), "the checkpoint of a new build");
        ensure!(!live && !inline, "a new build is live or inline, before anybody said so");
    }
    Ok(())
}

async fn builds_have_rows_of_their_own(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let builds = [
        THINGS,
        THINGS.built(1),
        THINGS.built(2),
        Table { version: 2, ..THINGS },
        Table { version: 21, ..THINGS },
    ];
    for (n, table) in (1..).zip(&builds) {
        rows.defined(table).await?;
        let sent = (0..n).map(|key| thing(key, "a", n)).collect();
        let at = n.unsigned_abs();
        rows.done(change(table, 0, at).writes(sent).anchored(anchor(at)).parks(vec![parked(
            at,
            &[],
            "no",
            1,
        )]))
        .await?;
        rows.report(table, Some(&format!("reason {n}"))).await?;
    }
    rows.done(change(&builds[1], 2, 20).with(1).deletes(vec![vec![int(0)]]).unparks([2])).await?;
    for (n, table) in (1..).zip(&builds) {
        let rows = handles[n as usize % 2].rows();
        let changed = n == 2;
        let wanted: Vec<_> = (i64::from(changed)..n).map(|key| thing(key, "a", n)).collect();
        let at = n.unsigned_abs();
        ensure_eq!(rows.all(table).await?, wanted, "the rows of `{}`", table.name());
        ensure_eq!(rows.row(table, vec![int(4)]).await?.is_some(), n == 5, "a row of `{}`", table.name());
        let checkpoint = rows.build(table).await?.checkpoint;
        let wanted = Checkpoint {
            position: Position::new(if changed { 20 } else { at }),
            anchor: Some(anchor(at)),
            parked: u64::from(!changed),
            stopped: (!changed).then(|| format!("reason {n}")),
        };
        ensure_eq!(checkpoint, wanted, "the checkpoint of `{}`", table.name());
        ensure_eq!(rows.defined(table).await?, wanted, "the checkpoint of `{}`, defined again", table.name());
    }
    Ok(())
}

async fn builds_are_listed_from_the_oldest_to_the_newest(log: Log) -> Outcome {
    let rows = log.rows();
    let mut order =
        vec![(0, 0), (1, 0), (1, 1), (1, 2), (1, 10), (2, 0), (2, 3), (10, 0), (u32::MAX, u32::MAX)];
    log.random("order").shuffle(&mut order);
    for (version, build) in &order {
        rows.defined(&Table { version: *version, build: *build, ..THINGS }).await?;
        // Others whose names, with the numbers behind them, are nearly the same.
        for name in ["thing", "things_", "things_1", "things1"] {
            rows.defined(&Table { projection: name, version: *version, build: *build, ..THINGS }).await?;
        }
    }
    order.sort_unstable();
    ensure_eq!(places(&rows.builds("things").await?), order, "the order of builds");
    Ok(())
}

async fn the_newest_build_of_a_version_speaks_for_it(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS.built(1), vec![]).await?;
    rows.write(&SECOND, vec![]).await?;
    ensure_eq!(
        rows.checkpoint("things", 1).await?.map(|one| one.position),
        Some(Position::new(1)),
        "of one build"
    );
    rows.defined(&THINGS.built(10)).await?;
    rows.defined(&THINGS.built(9)).await?;
    ensure_eq!(
        rows.checkpoint("things", 1).await?,
        Some(Checkpoint::default()),
        "the checkpoint of a version"
    );
    rows.done(change(&THINGS.built(10), 0, 7)).await?;
    ensure_eq!(
        rows.checkpoint("things", 1).await?.map(|one| one.position),
        Some(Position::new(7)),
        "of the newest"
    );
    ensure_eq!(rows.checkpoint("things", 3).await?, None, "the checkpoint of a version without builds");
    Ok(())
}

async fn defining_a_build_again_changes_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let table = THINGS.built(1);
    rows.write(&THINGS, vec![thing(2, "b", 2)]).await?;
    rows.write(&table, vec![thing(1, "a", 1)]).await?;
    rows.done(change(&table, 1, 2).parks(vec![parked(2, &["a"], "no", 1)])).await?;
    rows.goes_live(&table, false).await?;
    rows.report(&table, Some("a reason")).await?;
    let before = rows.builds("things").await?;
    for handle in &handles {
        ensure_eq!(handle.rows().defined(&table).await?, before[1].checkpoint, "a build that is there");
        handle.rows().defined(&THINGS).await?;
        ensure_eq!(handle.rows().builds("things").await?, before, "builds that were defined again");
        ensure_eq!(handle.rows().all(&table).await?, [thing(1, "a", 1)], "rows of a build defined again");
    }
    Ok(())
}

async fn a_build_tells_its_columns_and_its_log(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let other = LogId::fresh();
    rows.define(&THINGS.built(1), other).await?;
    rows.defined(&SECOND).await?;
    let found: Vec<_> =
        rows.builds("things").await?.into_iter().map(|build| (build.shape, build.log)).collect();
    let (first, own) = (THINGS.shape(), log.log_id());
    ensure_eq!(
        found,
        [(first.clone(), own), (first, other), (SECOND.shape(), own)],
        "columns and logs of builds"
    );
    // Each build is held against what stands beside it, not beside another.
    let wrong = [
        (THINGS, other),
        (THINGS.built(1), own),
        (Table { version: 1, ..SECOND }, own),
        (Table { version: 2, ..THINGS }, own),
    ];
    let before = rows.builds("things").await?;
    for (table, of) in wrong {
        unusable(rows.define(&table, of).await)?;
    }
    ensure_eq!(rows.builds("things").await?, before, "builds after others were refused");
    Ok(())
}

async fn many_may_define_builds_at_once(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    for round in 0..log.rounds(5) {
        let first = table(&format!("round_{round}"), 1, THINGS.columns.to_vec());
        let tasks = (0..12_u32).map(|task| {
            let (rows, table) = (handles[task as usize % 4].rows(), first.built(task / 4));
            async move { rows.defined(&table).await }
        });
        for checkpoint in together(tasks).await? {
            ensure_eq!(checkpoint, Checkpoint::default(), "what one of many who defined a build is told");
        }
        let builds = log.rows().builds(first.projection).await?;
        ensure_eq!(places(&builds), [(1, 0), (1, 1), (1, 2)], "builds that many defined");
        for build in 0..3 {
            handles[1].rows().write(&first.built(build), vec![thing(1, "a", 1)]).await?;
        }
    }
    Ok(())
}

async fn a_table_without_columns_is_a_checkpoint_alone(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    ensure_eq!(rows.defined(&ROWLESS).await?, Checkpoint::default(), "a table without columns");
    rows.done(change(&ROWLESS, 0, 5).anchored(anchor(5)).parks(vec![parked(4, &["a"], "no", 1)])).await?;
    ensure_eq!(rows.stale(change(&ROWLESS, 0, 6)).await?, Position::new(5), "where it stands");
    rows.report(&ROWLESS, Some("a reason")).await?;
    let wanted = Checkpoint {
        position: Position::new(5),
        anchor: Some(anchor(5)),
        parked: 1,
        stopped: Some("a reason".to_owned()),
    };
    for handle in &handles {
        ensure_eq!(
            handle.rows().defined(&ROWLESS).await?,
            wanted,
            "the checkpoint of a table without columns"
        );
        ensure_eq!(handle.rows().parked(&ROWLESS).await?.len(), 1, "events parked without a table");
    }
    unusable(rows.define(&THINGS, log.log_id()).await)?;
    unusable(rows.define(&ROWLESS, LogId::fresh()).await)?;
    rows.done(change(&ROWLESS, 5, 9).with(1).unparks([4])).await?;
    let second = Table { version: 2, ..ROWLESS };
    rows.defined(&second).await?;
    ensure_eq!(places(&rows.builds("things").await?), [(1, 0), (2, 0)], "builds without tables");
    // One takes over from another like any build, and the one that is behind can go.
    rows.goes_live(&ROWLESS, false).await?;
    rows.done(change(&second, 0, 9)).await?;
    rows.goes_live(&second, true).await?;
    ensure!(rows.discard(&ROWLESS).await?, "a table without columns is there, and was not discarded");
    ensure_eq!(rows.defined(&ROWLESS).await?, Checkpoint::default(), "a table without columns, made anew");
    Ok(())
}

async fn names_of_tables_without_columns_are_checked(log: Log) -> Outcome {
    let rows = log.rows();
    for name in [
        "",
        "Things",
        "a b",
        "a\"b",
        "é",
        "1st",
        "things_v1",
        "things_v1_1",
        "sqlite_things",
        &"p".repeat(49),
    ] {
        let answer = rows.define(&table(name, 1, vec![]), log.log_id()).await;
        ensure!(matches!(answer, Err(Error::Invalid(_))), "{name:?} must be invalid, but is {answer:?}");
    }
    for name in ["order", "events", "projections", "pg_class", "a_"] {
        let table = table(name, u32::MAX, vec![]).built(u32::MAX);
        rows.defined(&table).await?;
        rows.done(change(&table, 0, 1)).await?;
        ensure_eq!(
            rows.build(&table).await?.checkpoint.position,
            Position::new(1),
            "the checkpoint of {name:?}"
        );
    }
    Ok(())
}

async fn the_longest_names_of_builds(log: Log) -> Outcome {
    let rows = log.rows();
    // As long as they may be with both numbers behind them, and different in the last byte of one of the three.
    let names = ["a", "b"].map(|last| forever(&format!("{}{last}", "p".repeat(36))));
    let numbers = [(u32::MAX, u32::MAX), (u32::MAX, u32::MAX - 1), (u32::MAX - 1, u32::MAX)];
    let builds = names.into_iter().flat_map(|name| numbers.map(|(version, build)| (name, version, build)));
    let builds: Vec<Table> =
        builds.map(|(projection, version, build)| Table { projection, version, build, ..THINGS }).collect();
    for (number, table) in (0..).zip(&builds) {
        ensure_eq!(rows.defined(table).await?, Checkpoint::default(), "a build with the longest name");
        rows.write(table, vec![thing(number, "a", number)]).await?;
    }
    for (number, table) in (0..).zip(&builds) {
        let query = everything(table).whose(1, Bound::Prefix("a".to_owned())).by(2, true);
        let found = rows.find(&query).await?;
        ensure_eq!(found, [thing(number, "a", number)], "the only row of a build with the longest name");
    }
    let longer = table(&"p".repeat(38), u32::MAX, THINGS.columns.to_vec()).built(u32::MAX);
    let answer = rows.define(&longer, log.log_id()).await;
    ensure!(matches!(answer, Err(Error::Invalid(_))), "a longer name must be invalid, but is {answer:?}");
    Ok(())
}

async fn builds_outlive_the_handle(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.write(&THINGS.built(1), vec![thing(2, "b", 2)]).await?;
    rows.done(change(&THINGS.built(1), 1, 3).parks(vec![parked(3, &["a"], "no", 1)])).await?;
    rows.write(&SECOND, vec![vec![int(3), text("c")]]).await?;
    rows.goes_live(&THINGS, false).await?;
    rows.goes_live(&THINGS.built(1), false).await?;
    rows.report(&SECOND, Some("a reason")).await?;
    rows.defined(&Table { projection: "others", ..ROWLESS }).await?;
    let before = rows.builds("things").await?;
    drop(rows);
    let log = log.restarted().await?;
    let rows = log.rows();
    ensure_eq!(rows.builds("things").await?, before, "builds after a restart");
    ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "rows of the first build after a restart");
    ensure_eq!(rows.all(&THINGS.built(1)).await?, [thing(2, "b", 2)], "rows of the second after a restart");
    ensure_eq!(rows.all(&SECOND).await?, [vec![int(3), text("c")]], "rows of the second version");
    ensure_eq!(rows.builds("others").await?.len(), 1, "builds without columns after a restart");
    rows.goes_live(&SECOND, false).await
}
