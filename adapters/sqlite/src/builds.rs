//! Creates builds of projections, makes them live and removes them.

use annalist_core::{
    rows::{
        Build, Checkpoint, Claim, Difference, FollowerRequests, PromoteOutcome, PromotionStep, Table,
        sql::{Dialect, TableSql, quoted},
    },
    store::LogId,
    time::Timestamp,
};
use sqlx::{AssertSqlSafe, query, query_scalar};

use crate::{
    error::TransactionError,
    row_values,
    rows::integer,
    stored_builds::{Columns, bind_build},
    write_transaction::WriteTransaction,
};

/// Creates the table, the view and the checkpoint of a build, unless another process has just created them.
pub(crate) async fn define(
    mut transaction: WriteTransaction<'_>,
    table: Table,
    events: String,
    log: LogId,
) -> Result<Checkpoint, TransactionError> {
    if let Some(build) = transaction.build(&table).await? {
        let build = transaction.rollback(build).await?;
        build.check_stored(&table, &events, log)?;
        return Ok(build.checkpoint);
    }
    Build::check_new(&transaction.builds(table.projection).await?, &table)?;
    let own = transaction.log;
    if !table.is_checkpoint_only() {
        let sql = TableSql::new(&own.dialect, &table)?;
        for statement in sql.create() {
            transaction.execute_once(statement).await?;
        }
        if view(&mut transaction, &table).await?.is_none() {
            transaction.execute_once(sql.view()).await?;
        }
    }
    let insert = bind_build(&own.sql.insert_build, &table).bind(log.to_string()).bind(table.shape());
    transaction.execute(insert.bind(events).bind(Timestamp::now().as_micros())).await?;
    transaction.commit(Checkpoint::default()).await
}

/// Makes a build live and points the view at it; see [`Build::decide_promotion`].
pub(crate) async fn promote(
    mut transaction: WriteTransaction<'_>,
    table: Table,
    compare: bool,
) -> Result<PromoteOutcome, TransactionError> {
    let builds = transaction.builds(table.projection).await?;
    match Build::decide_promotion(&builds, &table, compare)? {
        PromotionStep::Finish(outcome) => return transaction.rollback(outcome).await,
        PromotionStep::Compare(live) => {
            let difference = difference(&mut transaction, &table, &live).await?;
            if !difference.is_none() {
                return transaction.rollback(PromoteOutcome::Differs(difference)).await;
            }
        }
        PromotionStep::MakeLive => {}
    }
    replace_view(&mut transaction, &table).await?;
    let set_live = bind_build(&transaction.log.sql.set_live, &table);
    transaction.execute(set_live).await?;
    transaction.commit(PromoteOutcome::Done).await
}

/// Removes a build that is neither live nor inline, and the view if it still selects from this build. Returns whether there
/// was one.
pub(crate) async fn discard(
    mut transaction: WriteTransaction<'_>,
    table: Table,
) -> Result<bool, TransactionError> {
    let Some(build) = transaction.build(&table).await? else { return transaction.rollback(false).await };
    if build.live || build.inline {
        return Err(table.in_use_error().into());
    }
    let log = transaction.log;
    let sql = TableSql::new(&log.dialect, &table)?;
    let from = format!("FROM {}", log.dialect.relation(&table.name()));
    if view(&mut transaction, &table).await?.is_some_and(|view| view.contains(&from)) {
        transaction.execute_once(sql.drop_view()).await?;
    }
    transaction.execute_once(sql.drop_table()).await?;
    transaction.execute(bind_build(&log.sql.unpark_all, &table)).await?;
    transaction.execute(bind_build(&log.sql.delete_build, &table)).await?;
    transaction.commit(true).await
}

/// Replaces the claim on a build, if it is as expected.
pub(crate) async fn replace_claim(
    mut transaction: WriteTransaction<'_>,
    table: Table,
    expected: Option<Claim>,
    claim: Option<Claim>,
) -> Result<bool, TransactionError> {
    let update = bind_build(&transaction.log.sql.replace_claim, &table);
    let update = [expected, claim].into_iter().fold(update, |update, claim| {
        update
            .bind(claim.map(|claim| claim.holder.to_string()))
            .bind(claim.map(|claim| integer(claim.round)))
            .bind(claim.map(|claim| claim.challenged))
    });
    match transaction.execute(update).await? {
        0 => transaction.rollback(false).await,
        _ => transaction.commit(true).await,
    }
}

/// Replaces the requests to a projection, if the stored revision is the one before.
pub(crate) async fn replace_requests(
    mut transaction: WriteTransaction<'_>,
    table: Table,
    requests: FollowerRequests,
) -> Result<bool, TransactionError> {
    let replace = query(transaction.log.sql.replace_requests.clone()).bind(table.projection);
    let replace = replace.bind(integer(requests.revision)).bind(requests.to_text());
    match transaction.execute(replace).await? {
        0 => transaction.rollback(false).await,
        _ => transaction.commit(true).await,
    }
}

/// Compares the rows of two builds.
async fn difference(
    transaction: &mut WriteTransaction<'_>,
    new: &Table,
    live: &Table,
) -> Result<Difference, TransactionError> {
    let dialect = &transaction.log.dialect;
    let compare = TableSql::new(dialect, new)?.compare(&TableSql::new(dialect, live)?);
    let compare = query(AssertSqlSafe(compare)).persistent(false);
    let row = &compare.fetch_one(transaction.connection()).await?;
    let columns = Columns(row);
    let mut difference = Difference {
        missing: columns.number("missing")?,
        added: columns.number("added")?,
        changed: columns.number("changed")?,
        example: None,
    };
    if !difference.is_none() {
        difference.example = Some(row_values::key(row, new, 3)?);
    }
    Ok(difference)
}

/// Replaces the view of a projection by one over this build. SQLite neither refuses to drop a view from which other views
/// select, nor checks these afterwards, so this does.
async fn replace_view(transaction: &mut WriteTransaction<'_>, table: &Table) -> Result<(), TransactionError> {
    let log = transaction.log;
    let sql = TableSql::new(&log.dialect, table)?;
    let own = log.dialect.relation(table.projection);
    let mut others = Vec::new();
    for view in views(transaction).await? {
        if check_view(transaction, &view).await.is_ok() && quoted(&view) != own {
            others.push(view);
        }
    }
    transaction.execute_once(sql.drop_view()).await?;
    if !table.is_checkpoint_only() {
        transaction.execute_once(sql.view()).await?;
    }
    for view in others {
        check_view(transaction, &view).await.map_err(|error| {
            TransactionError::Unusable(format!(
                "the view `{view}` would no longer work ({error}); drop it, promote the build, and create the view again"
            ))
        })?;
    }
    Ok(())
}

/// Returns the SQL text of the view of a projection, if there is one.
async fn view(transaction: &mut WriteTransaction<'_>, table: &Table) -> Result<Option<String>, sqlx::Error> {
    let view = query_scalar(transaction.log.sql.view.clone()).bind(table.projection);
    view.fetch_optional(transaction.connection()).await
}

/// Returns the names of all views in the file.
async fn views(transaction: &mut WriteTransaction<'_>) -> Result<Vec<String>, sqlx::Error> {
    let views = query_scalar(transaction.log.sql.views.clone());
    views.fetch_all(transaction.connection()).await
}

/// Checks that all tables and columns from which a view selects exist.
///
/// # Errors
/// The error of SQLite if one is missing.
async fn check_view(transaction: &mut WriteTransaction<'_>, view: &str) -> Result<(), sqlx::Error> {
    let select = AssertSqlSafe(format!("SELECT 1 FROM {} LIMIT 0", quoted(view)));
    query(select).persistent(false).fetch_optional(transaction.connection()).await.map(drop)
}
