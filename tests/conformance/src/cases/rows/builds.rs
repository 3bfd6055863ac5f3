//! Builds of a projection: separate tables, each with its own rows, checkpoint and parked events.

use annalist_core::{
    Error,
    record::Position,
    rows::{Bound, Build, Checkpoint, ColumnType, FollowerRequests, Role, Table},
    store::LogId,
};

use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, log::Log, rows::*},
};

cases!("builds" needs [Rows]: [
    undefined_projection_has_no_builds,
    new_build_is_at_the_start_and_not_live,
    each_build_has_its_own_rows,
    builds_are_listed_from_oldest_to_newest,
    checkpoint_of_a_version_is_that_of_its_newest_build,
    defining_a_build_again_changes_nothing,
    build_reports_its_columns_and_its_log,
    concurrent_definitions_create_each_build_once,
    table_without_columns_is_only_a_checkpoint,
    names_of_tables_without_columns_are_checked,
    build_names_of_the_maximum_length,
] durable [
    builds_survive_reopen,
]);

/// The second version of [`THINGS`], with other columns.
pub(super) const SECOND: Table = Table {
    projection: "things",
    version: 2,
    build: 0,
    columns: &[column("thing", ColumnType::Int, Role::Key), optional("name", ColumnType::Text, Role::Index)],
};

/// A table without columns.
pub(super) const CHECKPOINT_ONLY: Table = Table { projection: "things", version: 1, build: 0, columns: &[] };

fn orders(builds: &[Build]) -> Vec<(u32, u32)> {
    builds.iter().map(Build::order).collect()
}

async fn undefined_projection_has_no_builds(log: Log) -> Outcome {
    let rows = log.rows();
    ensure_eq!(rows.builds("things").await?, [], "builds of an undefined projection");
    rows.define_table(&THINGS).await?;
    for name in ["thing", "things_", "things_v1", "Things", "", "th_ngs", "%", "'\"é"] {
        ensure_eq!(rows.builds(name).await?, [], "builds of {name:?}");
    }
    Ok(())
}

async fn new_build_is_at_the_start_and_not_live(log: Log) -> Outcome {
    let rows = log.rows();
    for table in [THINGS, THINGS.built(1), SECOND, CHECKPOINT_ONLY.built(7)] {
        ensure_eq!(
            rows.define_table(&table).await?,
            Checkpoint::default(),
            "checkpoint returned by `define` for a new build"
        );
        let Build {
            version,
            build,
            shape,
            events,
            log: of,
            live,
            inline,
            checkpoint,
            updated_at: _,
            claim,
            requests,
        } = rows.build_of(&table).await?;
        ensure_eq!((version, build), table.order(), "version and build number of a new build");
        ensure_eq!(shape, table.shape(), "columns of a new build");
        ensure_eq!(events, "", "folded events of a new build without any");
        ensure_eq!(of, log.log_id(), "log of a new build");
        ensure_eq!(checkpoint, Checkpoint::default(), "checkpoint of a new build");
        ensure!(!live && !inline, "a new build must be neither live nor inline");
        ensure_eq!(claim, None, "claim on a new build");
        ensure_eq!(requests, FollowerRequests::default(), "requests to a new build");
    }
    Ok(())
}

async fn each_build_has_its_own_rows(log: Log) -> Outcome {
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
        rows.define_table(table).await?;
        let new_rows = (0..n).map(|key| thing(key, "a", n)).collect();
        let at = n.unsigned_abs();
        rows.expect_committed(
            change(table, 0, at).upserting(new_rows).with_anchor(anchor(at)).parking(vec![parked(
                at,
                &[],
                "no",
                1,
            )]),
        )
        .await?;
        rows.report(table, Some(&format!("reason {n}"))).await?;
    }
    rows.expect_committed(change(&builds[1], 2, 20).if_parked(1).deleting(vec![vec![int(0)]]).unparking([2]))
        .await?;
    for (n, table) in (1..).zip(&builds) {
        let rows = handles[n as usize % 2].rows();
        let changed = n == 2;
        let expected: Vec<_> = (i64::from(changed)..n).map(|key| thing(key, "a", n)).collect();
        let at = n.unsigned_abs();
        ensure_eq!(rows.all_rows(table).await?, expected, "rows of `{}`", table.name());
        ensure_eq!(
            rows.row(table, vec![int(4)]).await?.is_some(),
            n == 5,
            "whether `{}` has the row",
            table.name()
        );
        let checkpoint = rows.build_of(table).await?.checkpoint;
        let expected = Checkpoint {
            position: Position::new(if changed { 20 } else { at }),
            anchor: Some(anchor(at)),
            parked: u64::from(!changed),
            stopped: (!changed).then(|| format!("reason {n}")),
        };
        ensure_eq!(checkpoint, expected, "checkpoint of `{}`", table.name());
        ensure_eq!(
            rows.define_table(table).await?,
            expected,
            "checkpoint of `{}`, defined again",
            table.name()
        );
    }
    Ok(())
}

async fn builds_are_listed_from_oldest_to_newest(log: Log) -> Outcome {
    let rows = log.rows();
    let mut order =
        vec![(0, 0), (1, 0), (1, 1), (1, 2), (1, 10), (2, 0), (2, 3), (10, 0), (u32::MAX, u32::MAX)];
    log.random("order").shuffle(&mut order);
    for (version, build) in &order {
        rows.define_table(&Table { version: *version, build: *build, ..THINGS }).await?;
        // Projections whose table names are similar.
        for name in ["thing", "things_", "things_1", "things1"] {
            rows.define_table(&Table { projection: name, version: *version, build: *build, ..THINGS })
                .await?;
        }
    }
    order.sort_unstable();
    ensure_eq!(
        orders(&rows.builds("things").await?),
        order,
        "version and build numbers, in the order of the list"
    );
    Ok(())
}

async fn checkpoint_of_a_version_is_that_of_its_newest_build(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS.built(1), vec![]).await?;
    rows.write_rows(&SECOND, vec![]).await?;
    ensure_eq!(
        rows.checkpoint("things", 1).await?.map(|one| one.position),
        Some(Position::new(1)),
        "position of a version with one build"
    );
    rows.define_table(&THINGS.built(10)).await?;
    rows.define_table(&THINGS.built(9)).await?;
    ensure_eq!(
        rows.checkpoint("things", 1).await?,
        Some(Checkpoint::default()),
        "checkpoint of a version with several builds"
    );
    rows.expect_committed(change(&THINGS.built(10), 0, 7)).await?;
    ensure_eq!(
        rows.checkpoint("things", 1).await?.map(|one| one.position),
        Some(Position::new(7)),
        "position of a version: that of its newest build"
    );
    ensure_eq!(rows.checkpoint("things", 3).await?, None, "checkpoint of a version without builds");
    Ok(())
}

async fn defining_a_build_again_changes_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let table = THINGS.built(1);
    rows.write_rows(&THINGS, vec![thing(2, "b", 2)]).await?;
    rows.write_rows(&table, vec![thing(1, "a", 1)]).await?;
    rows.expect_committed(change(&table, 1, 2).parking(vec![parked(2, &["a"], "no", 1)])).await?;
    rows.expect_promoted(&table, false).await?;
    rows.report(&table, Some("a reason")).await?;
    let before = rows.builds("things").await?;
    for handle in &handles {
        ensure_eq!(
            handle.rows().define_table(&table).await?,
            before[1].checkpoint,
            "checkpoint of a build that is defined again"
        );
        handle.rows().define_table(&THINGS).await?;
        ensure_eq!(handle.rows().builds("things").await?, before, "builds after one was defined again");
        ensure_eq!(
            handle.rows().all_rows(&table).await?,
            [thing(1, "a", 1)],
            "rows of a build that is defined again"
        );
    }
    Ok(())
}

async fn build_reports_its_columns_and_its_log(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let other = LogId::fresh();
    rows.define(&THINGS.built(1), "", other).await?;
    rows.define_table(&SECOND).await?;
    let found: Vec<_> =
        rows.builds("things").await?.into_iter().map(|build| (build.shape, build.log)).collect();
    let (first, own) = (THINGS.shape(), log.log_id());
    ensure_eq!(
        found,
        [(first.clone(), own), (first, other), (SECOND.shape(), own)],
        "columns and logs of builds"
    );
    // Columns and log are checked for each build.
    let wrong = [
        (THINGS, other),
        (THINGS.built(1), own),
        (Table { version: 1, ..SECOND }, own),
        (Table { version: 2, ..THINGS }, own),
    ];
    let before = rows.builds("things").await?;
    for (table, of) in wrong {
        expect_unusable(rows.define(&table, "", of).await)?;
    }
    ensure_eq!(rows.builds("things").await?, before, "builds after others were refused");
    Ok(())
}

async fn concurrent_definitions_create_each_build_once(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    for round in 0..log.rounds(5) {
        let first = table(&format!("round_{round}"), 1, THINGS.columns.to_vec());
        let tasks = (0..12_u32).map(|task| {
            let (rows, table) = (handles[task as usize % 4].rows(), first.built(task / 4));
            async move { rows.define_table(&table).await }
        });
        for checkpoint in run_concurrently(tasks).await? {
            ensure_eq!(
                checkpoint,
                Checkpoint::default(),
                "checkpoint returned by one of many concurrent definitions"
            );
        }
        let builds = log.rows().builds(first.projection).await?;
        ensure_eq!(
            orders(&builds),
            [(1, 0), (1, 1), (1, 2)],
            "version and build numbers after concurrent definitions"
        );
        for build in 0..3 {
            handles[1].rows().write_rows(&first.built(build), vec![thing(1, "a", 1)]).await?;
        }
    }
    Ok(())
}

async fn table_without_columns_is_only_a_checkpoint(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    ensure_eq!(
        rows.define_table(&CHECKPOINT_ONLY).await?,
        Checkpoint::default(),
        "checkpoint of a new table without columns"
    );
    rows.expect_committed(change(&CHECKPOINT_ONLY, 0, 5).with_anchor(anchor(5)).parking(vec![parked(
        4,
        &["a"],
        "no",
        1,
    )]))
    .await?;
    ensure_eq!(
        rows.expect_stale(change(&CHECKPOINT_ONLY, 0, 6)).await?,
        Position::new(5),
        "checkpoint in the outcome of a stale change"
    );
    rows.report(&CHECKPOINT_ONLY, Some("a reason")).await?;
    let expected = Checkpoint {
        position: Position::new(5),
        anchor: Some(anchor(5)),
        parked: 1,
        stopped: Some("a reason".to_owned()),
    };
    for handle in &handles {
        ensure_eq!(
            handle.rows().define_table(&CHECKPOINT_ONLY).await?,
            expected,
            "checkpoint of a table without columns"
        );
        ensure_eq!(
            handle.rows().parked(&CHECKPOINT_ONLY).await?.len(),
            1,
            "number of parked events of a table without columns"
        );
    }
    expect_unusable(rows.define(&THINGS, "", log.log_id()).await)?;
    expect_unusable(rows.define(&CHECKPOINT_ONLY, "", LogId::fresh()).await)?;
    rows.expect_committed(change(&CHECKPOINT_ONLY, 5, 9).if_parked(1).unparking([4])).await?;
    let second = Table { version: 2, ..CHECKPOINT_ONLY };
    rows.define_table(&second).await?;
    ensure_eq!(
        orders(&rows.builds("things").await?),
        [(1, 0), (2, 0)],
        "version and build numbers of tables without columns"
    );
    // They are promoted and discarded like other builds.
    rows.expect_promoted(&CHECKPOINT_ONLY, false).await?;
    rows.expect_committed(change(&second, 0, 9)).await?;
    rows.expect_promoted(&second, true).await?;
    ensure!(rows.discard(&CHECKPOINT_ONLY).await?, "`discard` of a table without columns must return `true`");
    ensure_eq!(
        rows.define_table(&CHECKPOINT_ONLY).await?,
        Checkpoint::default(),
        "checkpoint of a table without columns that is defined again after a discard"
    );
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
        let result = rows.define(&table(name, 1, vec![]), "", log.log_id()).await;
        ensure!(
            matches!(result, Err(Error::Invalid(_))),
            "`define` of {name:?} must return `Error::Invalid`, but returned {result:?}"
        );
    }
    for name in ["order", "events", "projections", "pg_class", "a_"] {
        let table = table(name, u32::MAX, vec![]).built(u32::MAX);
        rows.define_table(&table).await?;
        rows.expect_committed(change(&table, 0, 1)).await?;
        ensure_eq!(
            rows.build_of(&table).await?.checkpoint.position,
            Position::new(1),
            "position of {name:?}"
        );
    }
    Ok(())
}

async fn build_names_of_the_maximum_length(log: Log) -> Outcome {
    let rows = log.rows();
    // The longest names with both numbers, which differ in the last byte of the name or of a number.
    let names = ["a", "b"].map(|last| leak(&format!("{}{last}", "p".repeat(38))));
    let numbers = [(u32::MAX, u32::MAX), (u32::MAX, u32::MAX - 1), (u32::MAX - 1, u32::MAX)];
    let builds = names.into_iter().flat_map(|name| numbers.map(|(version, build)| (name, version, build)));
    let builds: Vec<Table> =
        builds.map(|(projection, version, build)| Table { projection, version, build, ..THINGS }).collect();
    for (number, table) in (0..).zip(&builds) {
        ensure_eq!(
            rows.define_table(table).await?,
            Checkpoint::default(),
            "checkpoint of a build with the longest name"
        );
        rows.write_rows(table, vec![thing(number, "a", number)]).await?;
    }
    for (number, table) in (0..).zip(&builds) {
        let query = select_all(table).filter(1, Bound::Prefix("a".to_owned())).order_by(2, true);
        let found = rows.find(&query).await?;
        ensure_eq!(found, [thing(number, "a", number)], "rows of a build with the longest name");
    }
    let longer = table(&"p".repeat(40), u32::MAX, THINGS.columns.to_vec()).built(u32::MAX);
    let result = rows.define(&longer, "", log.log_id()).await;
    ensure!(
        matches!(result, Err(Error::Invalid(_))),
        "`define` of a longer name must return `Error::Invalid`, but returned {result:?}"
    );
    Ok(())
}

async fn builds_survive_reopen(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.write_rows(&THINGS.built(1), vec![thing(2, "b", 2)]).await?;
    rows.expect_committed(change(&THINGS.built(1), 1, 3).parking(vec![parked(3, &["a"], "no", 1)])).await?;
    rows.write_rows(&SECOND, vec![vec![int(3), text("c")]]).await?;
    rows.expect_promoted(&THINGS, false).await?;
    rows.expect_promoted(&THINGS.built(1), false).await?;
    rows.report(&SECOND, Some("a reason")).await?;
    rows.define_table(&Table { projection: "others", ..CHECKPOINT_ONLY }).await?;
    let before = rows.builds("things").await?;
    drop(rows);
    let log = log.reopened().await?;
    let rows = log.rows();
    ensure_eq!(rows.builds("things").await?, before, "builds after the log was reopened");
    ensure_eq!(
        rows.all_rows(&THINGS).await?,
        [thing(1, "a", 1)],
        "rows of the first build after the log was reopened"
    );
    ensure_eq!(
        rows.all_rows(&THINGS.built(1)).await?,
        [thing(2, "b", 2)],
        "rows of the second build after the log was reopened"
    );
    ensure_eq!(rows.all_rows(&SECOND).await?, [vec![int(3), text("c")]], "rows of the second version");
    ensure_eq!(
        rows.builds("others").await?.len(),
        1,
        "number of builds without columns after the log was reopened"
    );
    rows.expect_promoted(&SECOND, false).await
}
