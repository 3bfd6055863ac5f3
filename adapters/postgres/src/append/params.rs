//! The parameters of the function that appends.

use std::iter::repeat_n;

use annalist_core::{
    criteria::Item,
    error::BoxError,
    store::{Append, CommandKey, Condition, EventRef},
    tag::Tag,
};
use sqlx::{Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::{inline::provided_builds, job::AppendJob, locks::LockSet};
use crate::{
    sql::Statement,
    values::{Json, Time, array_literal, ordinal, to_i64},
};

/// The appends of several jobs as arrays.
#[derive(Default)]
pub(super) struct AppendParams<'a> {
    /// The newest event that this process has seen.
    newest: Option<EventRef>,
    locks: (Vec<i64>, Vec<bool>),
    appends: AppendColumns<'a>,
    conditions: ConditionColumns,
    items: ItemColumns<'a>,
    events: EventColumns<'a>,
}

/// One element an append. Columns that no append uses are empty: command ids, journal entries, batches, inline builds, successors.
#[derive(Default)]
struct AppendColumns<'a> {
    recorded_at: Vec<Time>,
    metadata: Vec<Json<String>>,
    id: Vec<Option<&'a str>>,
    command: Vec<Option<&'a str>>,
    scope: Vec<Option<&'a str>>,
    body: Vec<Option<Json<&'a str>>>,
    rejection: Vec<Option<Json<String>>>,
    batch: Vec<Option<i32>>,
    inline: Vec<String>,
    /// The version of the list of successors that it knows.
    known: Vec<Option<i64>>,
    /// The successors that appends add.
    added: Vec<serde_json::Value>,
}

/// One element a condition.
#[derive(Default)]
struct ConditionColumns {
    append: Vec<i32>,
    seen_unsettled: Vec<i64>,
    /// The index of the condition in its append. Not sent.
    index: Vec<usize>,
}

/// One element for each type of each item of a condition.
#[derive(Default)]
struct ItemColumns<'a> {
    condition: Vec<i32>,
    settled: Vec<i64>,
    tag: Vec<Option<&'a str>>,
    other_tags: Vec<Option<String>>,
    of_type: Vec<Option<&'a str>>,
}

/// One element an event.
#[derive(Default)]
struct EventColumns<'a> {
    append: Vec<i32>,
    id: Vec<Uuid>,
    name: Vec<&'a str>,
    version: Vec<i64>,
    tags: Vec<String>,
    data: Vec<Json<&'a str>>,
}

impl<'a> AppendParams<'a> {
    pub(super) fn new(
        jobs: impl Iterator<Item = &'a AppendJob> + Clone,
        newest: Option<EventRef>,
    ) -> Result<Self, BoxError> {
        let locks = LockSet::union(jobs.clone().map(|job| &job.locks));
        let mut params = Self { newest, locks, ..Self::default() };
        for (number, job) in jobs.clone().enumerate() {
            for (index, append) in job.appends.iter().enumerate() {
                params.push(append, &job.appends[..index])?;
            }
            let batch = (job.appends.len() > 1).then(|| ordinal(number));
            params.appends.batch.extend(repeat_n(batch, job.appends.len()));
        }
        params.appends.clear_unused(jobs.clone().all(|job| job.inline.is_empty()));
        Ok(params)
    }

    /// `earlier` are the earlier appends of the same batch: their conditions are not checked twice.
    fn push(&mut self, append: &'a Append, earlier: &[Append]) -> Result<(), BoxError> {
        let number = ordinal(self.appends.recorded_at.len());
        self.appends.push(append)?;
        for (index, condition) in append.conditions.iter().enumerate() {
            if !earlier.iter().any(|earlier| earlier.conditions.contains(condition)) {
                self.items.push(self.conditions.append.len(), condition);
                self.conditions.append.push(number);
                self.conditions.seen_unsettled.push(i64::try_from(condition.marker.seen_unsettled())?);
                self.conditions.index.push(index);
            }
        }
        for draft in &append.events {
            self.events.append.push(number);
            self.events.id.push(draft.id());
            self.events.name.push(draft.name());
            self.events.version.push(draft.version().into());
            self.events.tags.push(array_literal(draft.tags().iter().map(Tag::as_str)));
            self.events.data.push(Json(draft.data().as_str()));
        }
        Ok(())
    }

    /// Binds the parameters in the order of the function.
    pub(super) fn bind<'q>(&self, statement: &Statement) -> Query<'q, Postgres, PgArguments> {
        let Self { newest, locks, appends, conditions, items, events } = self;
        statement
            .query()
            .bind(&locks.0)
            .bind(&locks.1)
            .bind(&appends.recorded_at)
            .bind(&appends.metadata)
            .bind(&appends.id)
            .bind(&appends.command)
            .bind(&appends.scope)
            .bind(&appends.body)
            .bind(&appends.rejection)
            .bind(&appends.batch)
            .bind(&appends.inline)
            .bind(&appends.known)
            .bind(
                (!appends.added.is_empty())
                    .then(|| Json(serde_json::Value::from(appends.added.as_slice()).to_string())),
            )
            .bind(newest.map(|event| to_i64(event.position)))
            .bind(newest.map(|event| event.id))
            .bind(&conditions.append)
            .bind(&conditions.seen_unsettled)
            .bind(&items.condition)
            .bind(&items.settled)
            .bind(&items.tag)
            .bind(&items.other_tags)
            .bind(&items.of_type)
            .bind(&events.append)
            .bind(&events.id)
            .bind(&events.name)
            .bind(&events.version)
            .bind(&events.tags)
            .bind(&events.data)
    }

    /// The index in its append of a condition that was sent, counted from 0.
    pub(super) fn condition_index(&self, condition: usize) -> Option<usize> {
        self.conditions.index.get(condition).copied()
    }
}

impl<'a> AppendColumns<'a> {
    fn push(&mut self, append: &'a Append) -> Result<(), BoxError> {
        let (key, journal) = (append.key.as_ref(), append.journal.as_ref());
        let known = append.successors.as_ref();
        self.known.push(known.map(|known| i64::try_from(known.version)).transpose()?);
        for successor in known.iter().flat_map(|known| &known.added) {
            self.added.push(serde_json::json!({
                "append": ordinal(self.recorded_at.len()),
                "name": successor.of(),
                "successor": successor.name(),
                "is_rename": successor.is_rename(),
            }));
        }
        let rejection = journal.and_then(|journal| journal.rejection.as_ref());
        self.recorded_at.push(Time(append.recorded_at));
        self.metadata.push(Json(serde_json::to_string(&*append.metadata)?));
        self.id.push(key.map(CommandKey::id));
        self.command.push(key.map(CommandKey::command));
        self.scope.push(key.map(CommandKey::scope));
        self.body.push(journal.map(|journal| Json(journal.body.as_str())));
        self.rejection.push(rejection.map(serde_json::to_string).transpose()?.map(Json));
        self.inline.push(array_literal(provided_builds(append).iter().map(String::as_str)));
        Ok(())
    }

    /// Empties columns that no append uses.
    fn clear_unused(&mut self, no_inline: bool) {
        if self.id.iter().all(Option::is_none) {
            (self.id, self.command, self.scope) = Default::default();
        }
        if self.body.iter().all(Option::is_none) {
            (self.body, self.rejection) = Default::default();
        }
        if self.known.iter().all(Option::is_none) {
            self.known.clear();
        }
        if self.batch.iter().all(Option::is_none) {
            self.batch.clear();
        }
        if no_inline {
            self.inline.clear();
        }
    }
}

impl<'a> ItemColumns<'a> {
    fn push(&mut self, condition: usize, Condition { criteria, marker }: &'a Condition) {
        let settled = to_i64(marker.settled());
        for item in criteria.items() {
            let types = item.type_names();
            if types.is_empty() {
                self.push_type(condition, settled, item, None);
            }
            // No stored name contains NUL, and PostgreSQL does not accept it as a parameter: such a type matches nothing.
            for name in types.iter().filter(|name| !name.contains('\0')) {
                self.push_type(condition, settled, item, Some(name));
            }
        }
    }

    fn push_type(&mut self, condition: usize, settled: i64, item: &'a Item, name: Option<&'a str>) {
        let mut tags = item.tags().iter().map(Tag::as_str);
        self.condition.push(ordinal(condition));
        self.settled.push(settled);
        self.tag.push(tags.next());
        self.other_tags.push((tags.len() > 0).then(|| array_literal(tags)));
        self.of_type.push(name);
    }
}
