//! Promotions: at most one build of a projection is live, and only a newer one replaces it.

use annalist_core::{
    record::Position,
    rows::{PromoteOutcome, Table},
};

use super::builds::SECOND;
use crate::{
    failure::{Outcome, panicked},
    support::{
        concurrency::{run_concurrently, yield_now},
        log::Log,
        rows::*,
    },
};

cases!("promotions" needs [Rows]: [
    only_a_newer_build_is_promoted,
    undefined_build_cannot_be_promoted,
    projections_are_promoted_independently,
    promotion_does_not_move_rows,
    concurrent_promotions_leave_the_newest_build_live,
]);

async fn only_a_newer_build_is_promoted(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let order = [
        THINGS,
        THINGS.built(1),
        THINGS.built(3),
        Table { version: 2, ..THINGS },
        Table { version: 11, ..THINGS },
    ];
    for table in &order {
        rows.define_table(table).await?;
    }
    ensure_eq!(live_builds(&rows.builds("things").await?), [], "live builds before the first promotion");
    for (n, table) in order.iter().enumerate() {
        let rows = handles[n % 2].rows();
        rows.expect_promoted(table, n == 0).await?;
        for handle in &handles {
            let found = live_builds(&handle.rows().builds("things").await?);
            ensure_eq!(found, [table.order()], "live builds after `{}` was promoted", table.name());
        }
        let before = rows.builds("things").await?;
        for compare in [false, true] {
            rows.expect_promoted(table, compare).await?;
            for older in &order[..n] {
                let result = rows.promote(older, compare).await?;
                ensure_eq!(result, PromoteOutcome::Superseded, "outcome of promoting `{}`", older.name());
            }
        }
        ensure_eq!(rows.builds("things").await?, before, "builds after attempts to promote older ones");
    }
    // A build between two others is older than the live one, even if it is defined later.
    rows.define_table(&Table { version: 2, build: 7, ..THINGS }).await?;
    let result = rows.promote(&Table { version: 2, build: 7, ..THINGS }, false).await?;
    ensure_eq!(
        result,
        PromoteOutcome::Superseded,
        "outcome of promoting an older build that was defined later"
    );
    Ok(())
}

async fn undefined_build_cannot_be_promoted(log: Log) -> Outcome {
    let rows = log.rows();
    for compare in [false, true] {
        let error = expect_unusable(rows.promote(&THINGS, compare).await)?;
        ensure!(error.contains("things_v1"), "the error must contain the name of the table: {error}");
    }
    rows.define_table(&THINGS).await?;
    rows.expect_promoted(&THINGS, false).await?;
    let before = rows.builds("things").await?;
    for table in [THINGS.built(1), SECOND, Table { version: 0, ..THINGS }] {
        for compare in [false, true] {
            expect_unusable(rows.promote(&table, compare).await)?;
        }
    }
    ensure_eq!(rows.builds("things").await?, before, "builds after attempts to promote undefined ones");
    Ok(())
}

async fn projections_are_promoted_independently(log: Log) -> Outcome {
    let rows = log.rows();
    let names = ["things", "things_", "things_1", "thing", "th_ngs"];
    for name in names {
        for build in 0..3 {
            rows.define_table(&Table { projection: name, build, ..THINGS }).await?;
        }
    }
    for (build, name) in (0..).zip(names) {
        rows.expect_promoted(&Table { projection: name, build: build % 3, ..THINGS }, false).await?;
    }
    for (build, name) in (0..).zip(names) {
        ensure_eq!(live_builds(&rows.builds(name).await?), [(1, build % 3)], "live build of `{name}`");
    }
    Ok(())
}

async fn promotion_does_not_move_rows(log: Log) -> Outcome {
    let rows = log.rows();
    let tables = [THINGS, THINGS.built(1)];
    rows.write_rows(&tables[0], vec![thing(1, "a", 1), thing(2, "b", 2)]).await?;
    rows.write_rows(&tables[1], vec![thing(1, "c", 3)]).await?;
    rows.write_rows(&SECOND, vec![vec![int(1), text("d")]]).await?;
    rows.report(&SECOND, Some("a reason")).await?;
    for at in 1..4 {
        let live = [THINGS, THINGS.built(1), SECOND][at as usize - 1];
        rows.expect_promoted(&live, false).await?;
        ensure_eq!(
            rows.all_rows(&tables[0]).await?.len(),
            2,
            "number of rows of the first build while `{}` is live",
            live.name()
        );
        ensure_eq!(
            rows.row(&tables[1], vec![int(1)]).await?,
            Some(thing(1, "c", 3)),
            "row of the second build"
        );
        ensure_eq!(rows.all_rows(&SECOND).await?, [vec![int(1), text("d")]], "rows of the second version");
        let checkpoint = rows.build_of(&SECOND).await?.checkpoint;
        ensure_eq!(
            (checkpoint.position, checkpoint.stopped.as_deref()),
            (Position::new(1), Some("a reason")),
            "position and reason of the second version"
        );
        // Builds that are not live still accept changes.
        rows.expect_committed(change(&tables[0], at, at + 1).upserting(vec![thing(
            2,
            "new",
            at.cast_signed(),
        )]))
        .await?;
        ensure_eq!(
            rows.row(&tables[0], vec![int(2)]).await?,
            Some(thing(2, "new", at.cast_signed())),
            "new row of a build that is not live"
        );
    }
    Ok(())
}

async fn concurrent_promotions_leave_the_newest_build_live(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(6) {
        let first = table(&format!("round_{round}"), 1, THINGS.columns.to_vec());
        let tables: Vec<Table> =
            (0..8).map(|n| Table { version: 1 + n / 3, build: n % 3, ..first }).collect();
        for table in &tables {
            log.rows().define_table(table).await?;
        }
        let mut order = tables.clone();
        log.random(("order", round)).shuffle(&mut order);
        let promotions = order.into_iter().enumerate().map(|(n, table)| {
            let rows = handles[n % 3].rows();
            async move {
                let result = rows.promote(&table, n % 2 == 0).await?;
                ensure!(
                    matches!(result, PromoteOutcome::Done | PromoteOutcome::Superseded),
                    "`promote` must return `Done` or `Superseded`, but returned {result:?}"
                );
                Ok(())
            }
        });
        let observer = log.rows();
        let newest = tables[7].order();
        let observe = tokio::spawn(async move {
            let mut last = vec![];
            while last != [newest] {
                let now = live_builds(&observer.builds(first.projection).await?);
                ensure!(now.len() <= 1, "at most one build must be live, but {now:?} are");
                ensure!(
                    now >= last,
                    "the live build must not become older, but {now:?} is live after {last:?}"
                );
                last = now;
                yield_now().await;
            }
            Ok(())
        });
        run_concurrently(promotions).await?;
        observe.await.map_err(panicked)??;
    }
    Ok(())
}
