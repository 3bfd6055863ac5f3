//! The shape of a projection's rows.

use std::fmt::{Display, Write};

use super::Value;
use crate::{
    error::{Error, Invalid},
    limits::{is_kind, refuse},
    log_id::LogId,
};

/// A row: one value for each column of its table, in their order.
pub type Row = Vec<Value>;

/// The key of a row: one value for each key column, in their order.
pub type Key = Vec<Value>;

/// A key as a text: the same for the same key, and different for different ones.
pub fn key_text(key: &Key) -> String {
    key.iter().map(Value::to_text).collect::<Vec<_>>().join(",")
}

/// The table of one build of a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// The projection's name, which is the name of the stable view: `[a-z][a-z0-9_]*`, at most 48 bytes, neither
    /// ending like the name of a table (`_v1`) nor starting with `sqlite_`.
    pub projection: &'static str,
    /// The version of its shape and meaning.
    pub version: u32,
    /// Which build of that version, counted from 0.
    pub build: u32,
    /// Its columns; none if only a checkpoint is kept, as for a policy.
    pub columns: &'static [Column],
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name of the field, `[a-z][a-z0-9_]*`, at most 63 bytes.
    pub name: &'static str,
    /// What it keeps.
    pub kind: ColumnType,
    /// Whether it may be empty.
    pub nullable: bool,
    /// What it is for.
    pub role: Role,
}

/// What a column keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// 64-bit whole numbers.
    Int,
    /// 64-bit floating point numbers.
    Float,
    /// Text, compared byte by byte.
    Text,
    /// UUIDs.
    Uuid,
    /// Points in time, in microseconds.
    Time,
    /// JSON.
    Json,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is part of the key.
    Key,
    /// Queries may ask by it.
    Index,
    /// It is only read.
    Plain,
}

impl Table {
    /// The name of the table itself, `balances_v1`, or `balances_v1_2` if it was built anew twice; the view has the
    /// projection's name alone.
    pub fn name(&self) -> String {
        let Self { projection, version, build, .. } = self;
        if *build == 0 {
            format!("{projection}_v{version}")
        } else {
            format!("{projection}_v{version}_{build}")
        }
    }

    /// What the names of its key and its indexes begin with: no two builds share it, and no projection is called so.
    pub(super) fn label(&self) -> String {
        let Self { projection, version, build, .. } = self;
        if *build == 0 {
            format!("{projection}.{version}")
        } else {
            format!("{projection}.{version}-{build}")
        }
    }

    /// Another build of the same version.
    #[must_use]
    pub fn built(self, build: u32) -> Self {
        Self { build, ..self }
    }

    /// Its place among the builds of its projection: newer ones come later.
    pub fn order(&self) -> (u32, u32) {
        (self.version, self.build)
    }

    /// Whether it is a checkpoint alone.
    pub fn is_checkpoint_only(&self) -> bool {
        self.columns.is_empty()
    }

    /// The key columns.
    pub fn key(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(|column| column.role == Role::Key)
    }

    /// The key of a row.
    pub fn key_of(&self, row: &Row) -> Key {
        let keyed = self.columns.iter().zip(row).filter(|(column, _)| column.role == Role::Key);
        keyed.map(|(_, value)| value.clone()).collect()
    }

    /// Its shape as a text: the same for the same columns, and fit for a message that shows what changed.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for Column { name, kind, nullable, role } in self.columns {
            let separator = if shape.is_empty() { "" } else { ", " };
            let optional = if *nullable { "?" } else { "" };
            let role = match role {
                Role::Key => " key",
                Role::Index => " index",
                Role::Plain => "",
            };
            let _ = write!(shape, "{separator}{name} {kind:?}{optional}{role}");
        }
        shape
    }

    /// For stores: accepts the shape and the log that stand beside a table that is there already.
    ///
    /// # Errors
    /// [`Error::Unusable`] if they are others than those of this program.
    pub fn check_stored(&self, shape: &str, log: LogId, expected: LogId) -> Result<(), Error> {
        let (name, wanted) = (self.projection, self.shape());
        let operation = || format!("open the rows of `{name}` version {}", self.version);
        if shape != wanted {
            let reason = format!(
                "they are stored as ({shape}), and the program wants ({wanted}); give the projection a new `version`"
            );
            return Err(Error::unusable(operation(), reason));
        }
        if log != expected {
            let reason = format!(
                "they were made of log {log}, and the program reads log {expected}; use another store of rows, or rebuild them"
            );
            return Err(Error::unusable(operation(), reason));
        }
        Ok(())
    }

    /// For stores: accepts the columns of the live build, with which this one is to be compared.
    ///
    /// # Errors
    /// [`Error::Unusable`] if they are others.
    pub fn check_comparable(&self, live: &str) -> Result<(), Error> {
        let wanted = self.shape();
        if live == wanted {
            return Ok(());
        }
        let reason = format!(
            "the live one has the columns ({live}), the new one ({wanted}); switch without comparing"
        );
        Err(Error::unusable(format!("compare the builds of `{}`", self.projection), reason))
    }

    /// For stores: the error for a build that is not there.
    pub fn undefined(&self) -> Error {
        Error::unusable(self.using(), "the table was never defined in this store")
    }

    /// For stores: the error for a stored value that does not fit its column.
    pub fn damaged_value(&self, column: &Column, reason: impl Display) -> Error {
        let reason = format!("column `{}` is damaged: {reason}", column.name);
        Error::unusable(format!("read a row of `{}`", self.name()), reason)
    }

    /// For stores: the error for a change of a build that changes with the appends.
    pub fn kept_inline(&self) -> Error {
        Error::unusable(self.using(), "they are kept inline: another program changes them with its appends")
    }

    /// For stores: the error for a build that is to be discarded and must not.
    pub fn in_use(&self) -> Error {
        Error::unusable(format!("discard `{}`", self.name()), "it is what queries read, or it is kept inline")
    }

    /// For stores: the error for a build of another log that is to be kept inline.
    pub fn not_beside_its_log(&self) -> Error {
        Error::unusable(
            format!("keep `{}` inline", self.name()),
            "its rows are not beside the log that they are made of; keep them in the background",
        )
    }

    fn using(&self) -> String {
        format!("use the rows of `{}`", self.name())
    }

    /// Checks what the derive cannot see.
    ///
    /// # Errors
    /// [`Invalid`] if a name is no identifier or too long, rows have no key or an empty one, or two columns share a name.
    pub fn check(&self) -> Result<(), Invalid> {
        if !is_kind(self.projection) || self.projection.len() > 48 {
            return Err(refuse(
                "projection name",
                self.projection,
                "it must be `[a-z][a-z0-9_]*` of at most 48 bytes",
            ));
        }
        if looks_like_a_table(self.projection) || self.projection.starts_with("sqlite_") {
            return Err(refuse(
                "projection name",
                self.projection,
                "names that end in `_v` and a number belong to tables, those that start with `sqlite_` to SQLite",
            ));
        }
        // Databases cut names that are longer than 63 bytes, and `.999` has to fit behind it.
        if self.label().len() > 59 {
            let rule = "with its version and the number of the build it has more than 59 bytes; give it a shorter name";
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
                return Err(refuse("column name", column.name, "two fields have it"));
            }
            if column.role == Role::Key && column.nullable {
                return Err(refuse("key column", column.name, "a key must not be empty"));
            }
        }
        match self.key().next() {
            Some(_) => Ok(()),
            None if self.is_checkpoint_only() => Ok(()),
            None => Err(refuse("projection", self.projection, "mark its key field with `#[key]`")),
        }
    }
}

/// Whether the view of one projection could be taken for the table of another: `…_v1`, `…_v1_2`.
fn looks_like_a_table(projection: &str) -> bool {
    let numbers = projection.rsplit_once("_v").map_or("", |(_, numbers)| numbers);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match numbers.split_once('_') {
        Some((version, build)) => is_number(version) && is_number(build),
        None => is_number(numbers),
    }
}
