//! Given events, the rows of a projection.

use std::{collections::HashMap, fmt::Debug};

use super::Given;
use crate::{
    codec::Codec,
    error::Invalid,
    projection::{Projection, fold_in_memory},
};

impl Given {
    /// Folds the events into the rows of a projection.
    ///
    /// # Panics
    /// If an event cannot be folded, or a row cannot be kept by a store and read back.
    #[track_caller]
    #[must_use = "say what you expect of the rows"]
    pub fn project<P: Projection>(self) -> Projected<P> {
        match folded(&self) {
            Ok(rows) => Projected { past: self, rows },
            Err(invalid) => {
                panic!("{}the rows of `{}` could not be folded: {invalid}", self.story(), P::TABLE.projection)
            }
        }
    }
}

/// Folds, and sends each row through the form in which stores keep it.
fn folded<P: Projection>(past: &Given) -> Result<HashMap<P::Key, P>, Invalid> {
    P::TABLE.check()?;
    let rows = fold_in_memory::<P>(&past.records, &Codec::default())?;
    rows.into_iter().map(|(key, row)| Ok((key, P::from_row(row.to_row()?)?))).collect()
}

/// The rows that given events make.
#[derive(Debug)]
pub struct Projected<P: Projection> {
    past: Given,
    rows: HashMap<P::Key, P>,
}

impl<P: Projection> Projected<P> {
    /// Looks at the row with a key.
    #[must_use = "say what you expect of the row"]
    pub fn row(self, key: &P::Key) -> ProjectedRow<P> {
        let Self { past, mut rows } = self;
        let row = rows.remove(key);
        ProjectedRow { past, rows, key: key.clone(), row }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }
}

/// One of the rows, or its absence.
#[derive(Debug)]
pub struct ProjectedRow<P: Projection> {
    past: Given,
    rows: HashMap<P::Key, P>,
    key: P::Key,
    row: Option<P>,
}

impl<P: Projection + Debug + PartialEq> ProjectedRow<P> {
    /// Expects this row.
    ///
    /// # Panics
    /// If it is another one, or there is none.
    #[track_caller]
    pub fn eq(self, expected: P) -> Projected<P> {
        if self.row.as_ref() != Some(&expected) {
            let story = self.past.story();
            panic!("{story}another row\n  - {expected:?}\n  + {}\n", shown(self.row.as_ref()));
        }
        self.back()
    }

    /// Expects that there is no row with the key.
    ///
    /// # Panics
    /// If there is one.
    #[track_caller]
    pub fn none(self) -> Projected<P> {
        if self.row.is_some() {
            panic!("{}a row where none was expected\n  + {}\n", self.past.story(), shown(self.row.as_ref()));
        }
        self.back()
    }

    fn back(self) -> Projected<P> {
        let Self { past, mut rows, key, row } = self;
        rows.extend(row.map(|row| (key, row)));
        Projected { past, rows }
    }
}

fn shown<P: Debug>(row: Option<&P>) -> String {
    row.map_or_else(|| "no row".to_owned(), |row| format!("{row:?}"))
}
