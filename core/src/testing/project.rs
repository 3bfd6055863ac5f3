//! Tests of projections: given events, then rows.

use std::{collections::HashMap, fmt::Debug};

use super::Given;
use crate::{
    codec::Codec,
    error::Invalid,
    projection::{Projection, StoredKey, fold_in_memory},
};

impl Given {
    /// Folds the events into the rows of a projection.
    ///
    /// # Panics
    /// If an event cannot be folded, or a row cannot be converted to its stored form and back.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// let ann = Balance { account: id("ann"), owner: "Ann".into(), cents: 5 };
    /// let rows = given([opened("ann", "Ann"), deposited("ann", 5)]).project::<Balance>();
    /// assert_eq!(rows.count(), 1);
    /// rows.row(&id("ann")).eq(ann).row(&id("bob")).none();
    /// ```
    #[track_caller]
    #[must_use = "a test needs an expectation: call `row` or `count`"]
    pub fn project<P: Projection>(self) -> ProjectedRows<P> {
        match folded(&self) {
            Ok(rows) => ProjectedRows { given: self, rows },
            Err(invalid) => {
                panic!(
                    "{}the rows of `{}` could not be folded: {invalid}",
                    self.transcript(),
                    P::TABLE.projection
                )
            }
        }
    }
}

/// Folds the events, and converts each row to its stored form and back.
fn folded<P: Projection>(given: &Given) -> Result<HashMap<StoredKey, P>, Invalid> {
    P::TABLE.check()?;
    let mut rows = HashMap::new();
    fold_in_memory::<P>(&mut rows, &given.records, &Codec::default())?;
    rows.into_iter().map(|(key, row)| Ok((key, P::from_row(row.to_row()?)?))).collect()
}

/// The rows of a projection after the given events.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// let rows = given([opened("ann", "Ann"), opened("bob", "Bob")]).project::<Balance>();
/// assert_eq!(rows.count(), 2);
/// rows.row(&id("ann"))
///     .eq(Balance { account: id("ann"), owner: "Ann".into(), cents: 0 })
///     .row(&id("cay"))
///     .none();
/// ```
#[derive(Debug)]
pub struct ProjectedRows<P: Projection> {
    given: Given,
    rows: HashMap<StoredKey, P>,
}

impl<P: Projection> ProjectedRows<P> {
    /// Selects the row with this key.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// given(opened("ann", "Ann")).project::<Balance>().row(&id("bob")).none();
    /// ```
    ///
    /// # Panics
    /// If no store can store the key.
    #[track_caller]
    #[must_use = "a test needs an expectation: call `eq` or `none`"]
    pub fn row(self, key: &P::Key) -> ProjectedRow<P> {
        let Self { given, mut rows } = self;
        let key = match StoredKey::of(key) {
            Ok(key) => key,
            Err(invalid) => panic!("{}no row has this key: {invalid}", given.transcript()),
        };
        let row = rows.remove(&key);
        ProjectedRow { given, rows, key, row }
    }

    /// Returns the number of rows.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// assert_eq!(given(opened("ann", "Ann")).project::<Balance>().count(), 1);
    /// ```
    pub fn count(&self) -> usize {
        self.rows.len()
    }
}

/// The row with a key, if there is one.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// let row = given(opened("ann", "Ann")).project::<Balance>().row(&id("ann"));
/// row.eq(Balance { account: id("ann"), owner: "Ann".into(), cents: 0 });
/// ```
#[derive(Debug)]
pub struct ProjectedRow<P: Projection> {
    given: Given,
    rows: HashMap<StoredKey, P>,
    key: StoredKey,
    row: Option<P>,
}

impl<P: Projection + Debug + PartialEq> ProjectedRow<P> {
    /// Expects this row.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// let expected = Balance { account: id("ann"), owner: "Ann".into(), cents: 5 };
    /// given([opened("ann", "Ann"), deposited("ann", 5)]).project::<Balance>().row(&id("ann")).eq(expected);
    /// ```
    ///
    /// # Panics
    /// If the row has other values, or there is none.
    #[track_caller]
    pub fn eq(self, expected: P) -> ProjectedRows<P> {
        if self.row.as_ref() != Some(&expected) {
            let transcript = self.given.transcript();
            panic!(
                "{transcript}the row has other values\n  - {expected:?}\n  + {}\n",
                shown(self.row.as_ref())
            );
        }
        self.into_rows()
    }

    /// Expects that there is no row with the key.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// given(()).project::<Balance>().row(&id("ann")).none();
    /// ```
    ///
    /// # Panics
    /// If there is one.
    #[track_caller]
    pub fn none(self) -> ProjectedRows<P> {
        if self.row.is_some() {
            panic!(
                "{}there is a row, but none was expected\n  + {}\n",
                self.given.transcript(),
                shown(self.row.as_ref())
            );
        }
        self.into_rows()
    }

    fn into_rows(self) -> ProjectedRows<P> {
        let Self { given, mut rows, key, row } = self;
        rows.extend(row.map(|row| (key, row)));
        ProjectedRows { given, rows }
    }
}

fn shown<P: Debug>(row: Option<&P>) -> String {
    row.map_or_else(|| "no row".to_owned(), |row| format!("{row:?}"))
}
