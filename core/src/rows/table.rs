//! The table of a projection's rows.

use std::fmt::{Display, Write};

use super::{Column, ColumnType, Role, Value};
use crate::{
    error::{Error, Invalid},
    limits::{is_kind, refuse},
};

/// A row: one value for each column of its table, in order.
pub type Row = Vec<Value>;

/// The key of a row: one value for each key column, in order.
pub type Key = Vec<Value>;

/// A key as text. Equal keys have equal texts, different keys different ones.
pub fn key_text(key: &Key) -> String {
    key.iter().map(Value::to_text).collect::<Vec<_>>().join(",")
}

/// The table of one build of a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name of the projection and of its stable view: `[a-z][a-z0-9_]*`, at most 48 bytes, and at most 49 together
    /// with the digits of the version. It must not end like the name of a table (`_v1`) or start with `sqlite_`.
    pub projection: &'static str,
    /// The version of the projection, which changes with its columns or its fold.
    pub version: u32,
    /// The number of the build of that version, counted from 0.
    pub build: u32,
    /// The columns; none for a policy, which has only a checkpoint.
    pub columns: &'static [Column],
}

impl Table {
    /// Returns the name of the table: `balances_v1`, or `balances_v1_2` for the second rebuild. The view has only the
    /// name of the projection.
    pub fn name(&self) -> String {
        let Self { projection, version, build, .. } = self;
        if *build == 0 {
            format!("{projection}_v{version}")
        } else {
            format!("{projection}_v{version}_{build}")
        }
    }

    /// The prefix for the names of the key and the indexes. It differs between builds, and no projection can have this name.
    pub(super) fn label(&self) -> String {
        let Self { projection, version, build, .. } = self;
        if *build == 0 {
            format!("{projection}.{version}")
        } else {
            format!("{projection}.{version}-{build:x}")
        }
    }

    /// Returns the table of another build of the same version.
    #[must_use]
    pub fn built(self, build: u32) -> Self {
        Self { build, ..self }
    }

    /// Returns the sort key of the builds of a projection: newer builds have greater ones.
    pub fn order(&self) -> (u32, u32) {
        (self.version, self.build)
    }

    /// Returns `true` if there are no columns, so that the build is only a checkpoint.
    pub fn is_checkpoint_only(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns the key columns.
    pub fn key(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(|column| column.role == Role::Key)
    }

    /// Returns the key of a row.
    pub fn key_of(&self, row: &Row) -> Key {
        let keyed = self.columns.iter().zip(row).filter(|(column, _)| column.role == Role::Key);
        keyed.map(|(_, value)| value.clone()).collect()
    }

    /// Returns the columns as text. Equal columns have equal texts, which messages use to show changes.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for Column { name, kind, nullable, role } in self.columns {
            let separator = if shape.is_empty() { "" } else { ", " };
            let optional = if *nullable { "?" } else { "" };
            let role = match role {
                Role::Key => " key",
                Role::Index => " index",
                Role::Plain => "",
                Role::Encrypted => " secret",
                Role::Lookup => " lookup",
            };
            let _ = write!(shape, "{separator}{name} {kind:?}{optional}{role}");
        }
        shape
    }

    /// Checks that a build has the columns of this table.
    pub(super) fn check_columns(&self, shape: &str) -> Result<(), Error> {
        let wanted = self.shape();
        if shape == wanted {
            return Ok(());
        }
        let reason = format!(
            "the stored columns are ({shape}), but the program expects ({wanted}); give the projection a new `version`"
        );
        Err(Error::unusable(self.opening(), reason))
    }

    /// For stores: checks that this build has the same columns as the live build, so that both can be compared.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the columns differ.
    pub fn check_comparable(&self, live: &str) -> Result<(), Error> {
        let wanted = self.shape();
        if live == wanted {
            return Ok(());
        }
        let reason = format!(
            "the live build has the columns ({live}), the new one ({wanted}); promote it without comparing"
        );
        Err(Error::unusable(format!("compare the builds of `{}`", self.projection), reason))
    }

    /// For stores: checks that a column can be summed.
    ///
    /// # Errors
    /// [`Invalid`] if it does not exist or holds no whole numbers.
    pub fn check_sum(&self, column: usize) -> Result<(), Invalid> {
        match self.columns.get(column) {
            Some(Column { kind: ColumnType::Int, .. }) => Ok(()),
            Some(column) => {
                let rule = format!("only whole numbers have a sum; it holds {:?}", column.kind);
                Err(refuse("column", column.name, rule))
            }
            None => Err(refuse("column", &column.to_string(), "the table has no such column")),
        }
    }

    /// For stores: returns the error for a build that does not exist.
    pub fn undefined_error(&self) -> Error {
        Error::unusable(self.using(), "the table was never defined in this store")
    }

    /// For stores: returns the error for a stored value that does not fit its column.
    pub fn damaged_value(&self, column: &Column, reason: impl Display) -> Error {
        let reason = format!("column `{}` is damaged: {reason}", column.name);
        Error::unusable(format!("read a row of `{}`", self.name()), reason)
    }

    /// For stores: returns the error for a background change of an inline build.
    pub fn inline_error(&self) -> Error {
        Error::unusable(
            self.using(),
            "the build is inline and written by appends; it cannot be written in the background",
        )
    }

    /// For stores: returns the error for discarding a build that is live or inline.
    pub fn in_use_error(&self) -> Error {
        Error::unusable(format!("discard `{}`", self.name()), "the build is live or inline")
    }

    /// For stores: returns the error for making a build inline whose log is in another store.
    pub fn other_log_error(&self) -> Error {
        Error::unusable(
            format!("make `{}` inline", self.name()),
            "the rows are not in the store of their log; run the projection in the background",
        )
    }

    pub(super) fn opening(&self) -> String {
        format!("open the rows of `{}` version {}", self.projection, self.version)
    }

    fn using(&self) -> String {
        format!("use the rows of `{}`", self.name())
    }

    /// Checks the rules that the derive cannot check.
    ///
    /// # Errors
    /// [`Invalid`] if a name is not an identifier or too long, the key is missing or may be NULL, or two columns have the same
    /// name.
    pub fn check(&self) -> Result<(), Invalid> {
        if !is_kind(self.projection) || self.projection.len() > 48 {
            return Err(refuse(
                "projection name",
                self.projection,
                "it must be `[a-z][a-z0-9_]*` of at most 48 bytes",
            ));
        }
        if is_table_name(self.projection) || self.projection.starts_with("sqlite_") {
            return Err(refuse(
                "projection name",
                self.projection,
                "names that end in `_v` and a number are reserved for tables, those that start with `sqlite_` for SQLite",
            ));
        }
        // Databases truncate names longer than 63 bytes, and a suffix such as `.999` must fit. Checked for the highest number of a
        // build, so that a projection that starts can be rebuilt.
        let last = self.built(u32::MAX);
        if last.name().len() > 63 || last.label().len() > 59 {
            let rule = "together with the digits of the version it must have at most 49 bytes, so that the names of tables and indexes fit; use a shorter name or a lower version";
            return Err(refuse("projection name", self.projection, rule));
        }
        for (number, column) in self.columns.iter().enumerate() {
            if !is_kind(column.name) || column.name.len() > 63 {
                return Err(refuse(
                    "column name",
                    column.name,
                    "it must be `[a-z][a-z0-9_]*` of at most 63 bytes",
                ));
            }
            if self.columns[..number].iter().any(|other| other.name == column.name) {
                return Err(refuse("column name", column.name, "two fields have this name"));
            }
            if column.role == Role::Key && column.nullable {
                return Err(refuse("key column", column.name, "a key must not be optional"));
            }
        }
        match self.key().next() {
            Some(_) => Ok(()),
            None if self.is_checkpoint_only() => Ok(()),
            None => Err(refuse("projection", self.projection, "mark the key field with `#[key]`")),
        }
    }
}

/// Returns `true` if the view of this projection could have the name of another projection's table: `…_v1`, `…_v1_2`.
fn is_table_name(projection: &str) -> bool {
    let numbers = projection.rsplit_once("_v").map_or("", |(_, numbers)| numbers);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match numbers.split_once('_') {
        Some((version, build)) => is_number(version) && is_number(build),
        None => is_number(numbers),
    }
}
