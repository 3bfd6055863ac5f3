//! The rows that the function returns, as an outcome for each job.

use std::{iter::Peekable, vec::IntoIter};

use annalist_core::{
    error::Error,
    store::{Append, AppendOutcome, CommandKey, EventRef, Receipt, SeenLog},
    tag::Tag,
};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{job::AppendJob, params::AppendParams};
use crate::{
    archive,
    values::{from_i64, from_ordinal},
};

/// An outcome for each job, in their order.
pub(super) type Outcomes = Vec<Result<AppendOutcome, Error>>;

/// Reads the outcomes from the rows: one for each refused append, and one for all others.
pub(super) fn outcomes<'a>(
    params: &AppendParams<'_>,
    seen: &SeenLog,
    rows: &[PgRow],
    jobs: impl Iterator<Item = &'a AppendJob> + Clone,
) -> Result<Outcomes, sqlx::Error> {
    let appends: Vec<(usize, &Append)> =
        jobs.clone().flat_map(|job| job.appends.iter().enumerate()).collect();
    let (mut refusals, mut assigned_positions) = (Vec::new(), Vec::new());
    for row in rows {
        match row.try_get(1)? {
            "appended" => assigned_positions = row.try_get::<Vec<i64>, _>(4)?,
            outcome => {
                let number = from_ordinal(row.try_get(0)?);
                let (index, append) = appends.get(number).ok_or_else(|| unexpected_ordinal(number))?;
                refusals.push((number, refusal(params, seen, *index, outcome, row, append.key.as_ref())?));
            }
        }
    }
    refusals.sort_unstable_by_key(|(number, _)| *number);
    let mut rest = Rest {
        refusals: refusals.into_iter().peekable(),
        positions: assigned_positions.into_iter(),
        next: 0,
    };
    let outcomes = jobs.map(|job| rest.outcome(&job.appends)).collect::<Result<_, _>>()?;
    if rest.positions.next().is_some() {
        return Err(sqlx::Error::Protocol("more positions than events".to_owned()));
    }
    Ok(outcomes)
}

/// The outcome of a refused append, which is number `index` of its job.
fn refusal(
    params: &AppendParams<'_>,
    seen: &SeenLog,
    index: usize,
    outcome: &str,
    row: &PgRow,
    key: Option<&CommandKey>,
) -> Result<Result<AppendOutcome, Error>, sqlx::Error> {
    Ok(Ok(match outcome {
        "archived" => {
            let archive = archive::parse(row.try_get(7)?)?;
            let id = Tag::parse(row.try_get::<&str, _>(6)?);
            let id = id.map_err(|error| sqlx::Error::Decode(error.into()))?;
            return Ok(Err(archive.refused(&id).into()));
        }
        "conflict" | "unseen" => {
            let condition = from_ordinal(row.try_get(2)?);
            let condition = params.condition_index(condition).ok_or_else(|| unexpected_ordinal(condition))?;
            let conflicting_position = from_i64(row.try_get(3)?);
            if outcome == "unseen" {
                // So that the next read is settled up to there.
                seen.saw_settled(seen.now().epoch, conflicting_position);
            }
            AppendOutcome::Conflict { index, condition, conflicting_position }
        }
        // The builds are read later, without locks.
        "successors_changed" => AppendOutcome::SuccessorsChanged { index },
        "inline_required" => AppendOutcome::InlineRequired { index, builds: Vec::new() },
        _ => {
            if let Some(key) = key
                && let Err(reused) = key.check(row.try_get(6)?, row.try_get(7)?)
            {
                return Ok(Err(reused.into()));
            }
            let positions = row.try_get::<Vec<i64>, _>(4)?.into_iter().map(from_i64);
            let events = positions.zip(row.try_get::<Vec<Uuid>, _>(5)?);
            let events = events.map(|(position, id)| EventRef { position, id }).collect();
            AppendOutcome::Duplicate { index, receipt: Receipt { events, ..Receipt::default() } }
        }
    }))
}

/// What was not yet assigned to a job.
struct Rest {
    refusals: Peekable<IntoIter<(usize, Result<AppendOutcome, Error>)>>,
    positions: IntoIter<i64>,
    /// The number of the first append of the next job.
    next: usize,
}

impl Rest {
    /// The outcome of the next job.
    fn outcome(&mut self, appends: &[Append]) -> Result<Result<AppendOutcome, Error>, sqlx::Error> {
        self.next += appends.len();
        let mut refusal = None;
        while let Some((_, outcome)) = self.refusals.next_if(|(number, _)| *number < self.next) {
            refusal.get_or_insert(outcome);
        }
        if let Some(outcome) = refusal {
            return Ok(outcome);
        }
        let receipts = appends.iter().map(|append| self.receipt(append));
        Ok(Ok(AppendOutcome::Appended(receipts.collect::<Result<_, _>>()?)))
    }

    fn receipt(&mut self, append: &Append) -> Result<Receipt, sqlx::Error> {
        let mut event_ref = |id| {
            let position = self.positions.next();
            let position =
                position.ok_or_else(|| sqlx::Error::Protocol("fewer positions than events".to_owned()))?;
            Ok(EventRef { position: from_i64(position), id })
        };
        let events = append.events.iter().map(|draft| event_ref(draft.id()));
        Ok(Receipt { events: events.collect::<Result<_, sqlx::Error>>()?, ..Receipt::default() })
    }
}

fn unexpected_ordinal(index: usize) -> sqlx::Error {
    sqlx::Error::Protocol(format!("the database returned number {index}, which was not sent"))
}
