//! The fold of a projection that stores call inside the transaction of an append.

use std::{collections::HashMap, marker::PhantomData};

use super::{
    Projection, RowOps,
    row_set::{RowSet, blame_record},
};
use crate::{
    codec::Codec,
    daemon::PoisonEvent,
    error::Invalid,
    event::{DeclaredSuccessors, Types},
    limits::refuse,
    record::Record,
    rows::{FoldedRows, Inline, Key, Row, Table, key_text},
    store::Successor,
};

/// The inline fold of one build.
pub(crate) struct InlineFold<P> {
    table: Table,
    types: Vec<&'static str>,
    declared: DeclaredSuccessors,
    codec: Codec,
    row: PhantomData<fn() -> P>,
}

impl<P: Projection> InlineFold<P> {
    pub(crate) fn new(table: Table, codec: Codec) -> Self {
        let types = P::EVENTS.iter().flat_map(Types::names).collect();
        let declared = DeclaredSuccessors::default();
        P::EVENTS.iter().for_each(|types| declared.declare(types));
        Self { table, types, declared, codec, row: PhantomData }
    }

    fn plan<'a>(&self, records: &'a [Record]) -> Result<RowSet<'a, P>, PoisonEvent> {
        let mut ops = RowOps::default();
        for (index, record) in records.iter().enumerate() {
            ops.begin(index);
            blame_record(index, || P::plan_record(record, &self.codec, &mut ops))?;
        }
        Ok(RowSet::new(ops, |_| None))
    }

    fn invalid(&self, records: &[Record], PoisonEvent { index, error }: PoisonEvent) -> Invalid {
        let name = records.get(index).map(|record| record.name.clone()).unwrap_or_default();
        let projection = self.table.projection;
        refuse("event", &name, format!("the inline projection `{projection}` failed on it: {error}"))
    }
}

impl<P: Projection> Inline for InlineFold<P> {
    fn table(&self) -> &Table {
        &self.table
    }

    fn types(&self) -> &[&'static str] {
        &self.types
    }

    fn misses(&self, successor: &Successor) -> bool {
        let (of, name) = (successor.of(), successor.name());
        self.types.contains(&of)
            && !self.types.contains(&name)
            && !self.declared.covers(of, name, successor.is_rename(), self.types.iter().copied())
    }

    fn keys(&self, records: &[Record]) -> Result<Vec<Key>, Invalid> {
        let row_set = self.plan(records).map_err(|poison| self.invalid(records, poison))?;
        Ok(row_set.missing_keys().to_vec())
    }

    fn fold(&self, records: &[Record], rows: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
        let folded = self.plan(records).and_then(|mut row_set| {
            let mut loaded: HashMap<String, Option<Row>> =
                rows.into_iter().map(|(key, row)| (key_text(&key), row)).collect();
            let mut row = |key: &Key| loaded.remove(&key_text(key));
            let rows = row_set.missing_keys().iter().map(&mut row).collect::<Option<Vec<_>>>();
            // The keys were planned before the append, when the position was not known yet.
            let changed = "row keys of an inline projection must not depend on the position of the event";
            let rows = rows.ok_or_else(|| PoisonEvent { index: 0, error: changed.to_owned() })?;
            row_set.fold(rows, None).map_err(PoisonEvent::from)
        });
        folded.map_err(|poison| self.invalid(records, poison))
    }
}
