//! The conditions of a list.

use std::ops::{Bound as End, RangeBounds};

use serde::Serialize;

use super::List;
use crate::{
    error::Invalid,
    limits::refuse,
    payload::Payload,
    query::columns::UNORDERED,
    rows::{Bound, ColumnType, Field, Filter, Role, Value, nul::escape},
};

impl<P> List<P> {
    /// Selects rows with this value in a field. `&None` selects rows in which the field is `None`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().equal("owner", &"Ada".to_owned()).await?;
    /// assert_eq!(page.rows[0].cents, 10);
    /// # Ok(())
    /// # });
    /// ```
    pub fn equal<F: Field>(self, field: &str, value: &F) -> Self {
        self.compare(field, F::TYPE, value.to_value(), Bound::Equal)
    }

    /// Selects rows with a value in this range. A field that is `None` is in no range. An enum that derives `Field` has no ranges,
    /// because it is stored as text: a range of it does not compile.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?; // Ada has 10 cents, Bob 30, Cay 20
    /// let page = app.list::<Balance>().range("cents", 10..30).await?;
    /// assert_eq!(page.rows.len(), 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn range<F: Field>(self, field: &str, range: impl RangeBounds<F>) -> Self {
        const { assert!(F::IS_ORDERED, "{}", UNORDERED) };
        let bounds = || {
            let mut bounds = Vec::new();
            match range.start_bound() {
                End::Included(value) => bounds.push(Bound::AtLeast(value.to_value()?)),
                End::Excluded(value) => bounds.push(Bound::Above(value.to_value()?)),
                End::Unbounded => {}
            }
            match range.end_bound() {
                End::Included(value) => bounds.push(Bound::AtMost(value.to_value()?)),
                End::Excluded(value) => bounds.push(Bound::Below(value.to_value()?)),
                End::Unbounded => {}
            }
            Ok(bounds)
        };
        self.filter(field, F::TYPE, bounds())
    }

    /// Selects rows with this value or a greater one in a field.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().at_least("cents", &20).await?;
    /// assert_eq!(page.rows.len(), 2); // Bob has 30 cents, Cay 20
    /// # Ok(())
    /// # });
    /// ```
    pub fn at_least<F: Field>(self, field: &str, value: &F) -> Self {
        const { assert!(F::IS_ORDERED, "{}", UNORDERED) };
        self.compare(field, F::TYPE, value.to_value(), Bound::AtLeast)
    }

    /// Selects rows with this value or a smaller one in a field.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().at_most("cents", &20).await?;
    /// assert_eq!(page.rows.len(), 2); // Ada has 10 cents, Cay 20
    /// # Ok(())
    /// # });
    /// ```
    pub fn at_most<F: Field>(self, field: &str, value: &F) -> Self {
        const { assert!(F::IS_ORDERED, "{}", UNORDERED) };
        self.compare(field, F::TYPE, value.to_value(), Bound::AtMost)
    }

    /// Selects rows with a greater value in a field.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().above("cents", &20).await?;
    /// assert_eq!(page.rows[0].owner, "Bob"); // Cay has exactly 20 cents
    /// # Ok(())
    /// # });
    /// ```
    pub fn above<F: Field>(self, field: &str, value: &F) -> Self {
        const { assert!(F::IS_ORDERED, "{}", UNORDERED) };
        self.compare(field, F::TYPE, value.to_value(), Bound::Above)
    }

    /// Selects rows with a smaller value in a field.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().below("cents", &20).await?;
    /// assert_eq!(page.rows[0].owner, "Ada"); // Cay has exactly 20 cents
    /// # Ok(())
    /// # });
    /// ```
    pub fn below<F: Field>(self, field: &str, value: &F) -> Self {
        const { assert!(F::IS_ORDERED, "{}", UNORDERED) };
        self.compare(field, F::TYPE, value.to_value(), Bound::Below)
    }

    /// Selects rows with a text that starts with `prefix`, compared byte by byte.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().prefix("owner", "B").await?;
    /// assert_eq!(page.rows[0].owner, "Bob");
    /// # Ok(())
    /// # });
    /// ```
    pub fn prefix(self, field: &str, prefix: &str) -> Self {
        self.filter(field, ColumnType::Text, Ok(vec![Bound::Prefix(escape(prefix).into_owned())]))
    }

    /// Selects rows with one of these values in a field; no rows for an empty list. `None` among the values selects rows in which the
    /// field is `None`. A query compares with at most 1,000 different values, and 4 MiB of texts.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?; // Ada has 10 cents, Bob 30, Cay 20
    /// let page = app.list::<Balance>().one_of("cents", &[10, 20, 99]).await?;
    /// assert_eq!(page.rows.len(), 2);
    ///
    /// let nobody: Vec<String> = vec![];
    /// assert!(app.list::<Balance>().one_of("owner", &nobody).await?.rows.is_empty());
    /// # Ok(())
    /// # });
    /// ```
    pub fn one_of<'a, F: Field + 'a>(self, field: &str, values: impl IntoIterator<Item = &'a F>) -> Self {
        let values = values.into_iter().map(F::to_value).collect::<Result<_, _>>();
        self.filter(field, F::TYPE, values.and_then(Bound::one_of).map(|bound| vec![bound]))
    }

    /// Selects rows with a text that starts with `prefix`, where the letters A to Z are the same as a to z. All other characters
    /// are compared byte by byte, on every store: `é` is not `É`, because databases do not agree on the case of other letters.
    ///
    /// The index of the column is used up to the third letter of the prefix; the rows found by these letters are compared with the
    /// rest.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().prefix_ignore_ascii_case("owner", "bO").await?;
    /// assert_eq!(page.rows[0].owner, "Bob");
    /// # Ok(())
    /// # });
    /// ```
    pub fn prefix_ignore_ascii_case(self, field: &str, prefix: &str) -> Self {
        let prefix = escape(prefix).into_owned();
        self.filter(field, ColumnType::Text, Ok(vec![Bound::PrefixIgnoreAsciiCase(prefix)]))
    }

    /// Extends the query if the value is `Some`: for conditions that the caller may leave out.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let owner: Option<String> = None;
    /// let page = app.list::<Balance>().filter_some(&owner, |list, owner| list.equal("owner", owner)).await?;
    /// assert_eq!(page.rows.len(), 3);
    /// # Ok(())
    /// # });
    /// ```
    pub fn filter_some<T>(self, value: &Option<T>, extend: impl FnOnce(Self, &T) -> Self) -> Self {
        match value {
            Some(value) => extend(self, value),
            None => self,
        }
    }

    /// Called by the `Query` derive: a condition on a field of this type, made of the bound that `bound` returns.
    /// Keeps the rows whose secret has this value, of all subjects that are not forgotten. The field has `#[secret(subject = …, lookup)]`, and the
    /// value has the type inside of the secret.
    ///
    /// The value is compared by a keyed hash, byte by byte of its JSON: convert what your users regard as equal, upper case for example, before
    /// you make an event of it.
    pub fn equal_secret<V: Serialize + ?Sized>(mut self, field: &str, value: &V) -> Self {
        let columns = self.table.columns.iter().enumerate();
        let mut secrets =
            columns.filter(|(_, column)| column.name == field && column.role == Role::Encrypted);
        let found = secrets.next().map(|(index, _)| index + 1);
        let lookup = found
            .filter(|index| self.table.columns.get(*index).is_some_and(|column| column.role == Role::Lookup));
        match (lookup, Payload::encode("secret", value)) {
            (Some(column), Ok(json)) => {
                // The form that no store takes: only an app with keys makes a hash of it.
                let wanted = Value::Text(format!("{{\"$secret\":{}}}", json.as_str()));
                self.filters.push(Filter { column, bound: Bound::Equal(wanted) });
            }
            (Some(_), Err(_)) => self.fail(refuse("secret", "…", "it cannot be written as JSON")),
            (None, _) => {
                let rule = "it is no field with `#[secret(subject = …, lookup)]`";
                self.fail(refuse("field of a query", field, rule));
            }
        }
        self
    }

    #[doc(hidden)]
    pub fn compare(
        self,
        field: &str,
        kind: ColumnType,
        value: Result<Value, Invalid>,
        bound: fn(Value) -> Bound,
    ) -> Self {
        self.filter(field, kind, value.map(|value| vec![bound(value)]))
    }

    fn filter(mut self, field: &str, kind: ColumnType, bounds: Result<Vec<Bound>, Invalid>) -> Self {
        let Some(column) = self.column(field, Some(kind)) else { return self };
        match bounds {
            Ok(bounds) => self.filters.extend(bounds.into_iter().map(|bound| Filter { column, bound })),
            Err(invalid) => self.fail(invalid),
        }
        self
    }
}
