//! Columns that are secrets.

use serde::{Serialize, de::DeserializeOwned};

use super::{Column, ColumnType, Role, Row, Table, Value};
use crate::{
    error::Invalid,
    id::Id,
    limits::refuse,
    secret::{Secret, has_form_in_memory},
    tag::Tag,
};

/// The types of the fields of a row that can have `#[secret(subject = …)]`.
///
/// In memory a column holds the secret with its subject. The app encrypts it before a store gets the row.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a secret of a row",
    label = "a `Secret<…>` is needed here",
    note = "the type of a field with `#[secret(…)]` is `Secret<T>` or `Option<Secret<T>>`, and `T` derives `Serialize` and `Deserialize`"
)]
pub trait SecretColumn: Sized {
    /// The type of the column.
    const TYPE: ColumnType = ColumnType::Text;
    /// Whether the column may be NULL.
    const NULLABLE: bool;

    /// Converts the field to its value in memory, with the subject of the row, if there is one. It is needed for a known secret only.
    ///
    /// # Errors
    /// [`Invalid`] if it is known and has no subject, if it is the secret of another subject, or if it cannot be stored. The error does not show it.
    fn to_value(&self, subject: RowSubject) -> Result<Value, Invalid>;

    /// Converts a value in memory to the field.
    ///
    /// # Errors
    /// [`Invalid`] if the value is still encrypted, or does not fit the field. The error does not show it.
    fn from_value(value: Value) -> Result<Self, Invalid>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> SecretColumn for Secret<T> {
    const NULLABLE: bool = false;

    fn to_value(&self, subject: RowSubject) -> Result<Value, Invalid> {
        self.to_column(subject).map(Value::Text)
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Text(text) => Self::from_column(&text),
            value => Err(refuse("secret", value.describe(), "a secret is stored as a text")),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<S: SecretColumn> SecretColumn for Option<S> {
    const NULLABLE: bool = true;

    fn to_value(&self, subject: RowSubject) -> Result<Value, Invalid> {
        self.as_ref().map_or(Ok(Value::Null), |secret| secret.to_value(subject))
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Null => Ok(None),
            value => S::from_value(value).map(Some),
        }
    }
}

/// The subject that a row names, if it names one and its id is valid.
pub type RowSubject = Result<Option<Tag>, Invalid>;

/// The types of the column with the id of the subject of a secret: an id, or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an id",
    label = "an id is needed here",
    note = "`subject = …` names a column with an id, or an `Option` of one"
)]
pub trait SecretSubject {
    /// The subject.
    ///
    /// # Errors
    /// [`Invalid`] if the id is not valid.
    fn to_subject(&self) -> RowSubject;
}

#[diagnostic::do_not_recommend]
impl<I: Id> SecretSubject for I {
    fn to_subject(&self) -> RowSubject {
        Tag::of(self).map(Some)
    }
}

#[diagnostic::do_not_recommend]
impl<I: Id> SecretSubject for Option<I> {
    fn to_subject(&self) -> RowSubject {
        self.as_ref().map(Tag::of).transpose()
    }
}

impl Table {
    /// Returns `true` if a column is a secret.
    pub fn has_secrets(&self) -> bool {
        self.columns.iter().any(|column| column.role == Role::Encrypted)
    }

    /// For stores: checks that the secrets of rows are encrypted, as [`Column::check_sealed`] does.
    ///
    /// # Errors
    /// [`Invalid`] if one is not.
    pub fn check_sealed(&self, rows: &[Row]) -> Result<(), Invalid> {
        let values = rows.iter().flat_map(|row| self.columns.iter().zip(row));
        values.into_iter().try_for_each(|(column, value)| column.check_sealed(value))
    }
}

impl Column {
    /// For stores: checks that a value of a secret is encrypted. No store may have it in another form.
    ///
    /// # Errors
    /// [`Invalid`] if it is not. The error does not show it.
    pub fn check_sealed(&self, value: &Value) -> Result<(), Invalid> {
        let is_secret = matches!(self.role, Role::Encrypted | Role::Lookup);
        match value {
            Value::Text(text) if is_secret && has_form_in_memory(text) => {
                let rule = "it is a secret, and the rows are written without the keys: pass some to `App::builder(…).keys(…)`";
                Err(refuse("column", self.name, rule))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(value: &str) -> RowSubject {
        Tag::new("customer", value).map(Some)
    }

    #[test]
    fn secret_is_read_back_with_its_subject() {
        let secret = Secret::new(vec![Some("a\0\"".to_owned()), None]);
        let value = secret.to_value(tag("ann")).unwrap();
        let again = Secret::<Vec<Option<String>>>::from_value(value.clone()).unwrap();
        assert_eq!(again.known(), secret.known());
        assert_eq!(again.to_value(tag("ann")).unwrap(), value);
        let error = again.to_value(tag("bob")).unwrap_err().to_string();
        assert!(error.contains("of another subject") && !error.contains("ann"), "{error}");

        let error = again.to_value(Ok(None)).unwrap_err().to_string();
        assert!(error.contains("of another subject"), "{error}");
        let error = secret.to_value(Ok(None)).unwrap_err().to_string();
        assert!(error.contains("has no subject"), "{error}");
        secret.to_value(Err(Invalid::SecretForm)).unwrap_err();
        Secret::<u8>::forgotten().to_value(Err(Invalid::SecretForm)).unwrap();
        None::<Secret<u8>>.to_value(Err(Invalid::SecretForm)).unwrap();

        let forgotten = Secret::<u8>::forgotten().to_value(tag("ann")).unwrap();
        assert!(Secret::<u8>::from_value(forgotten).unwrap().is_forgotten());
        assert_eq!(None::<Secret<u8>>.to_value(tag("ann")).unwrap(), Value::Null);
        assert_eq!(Option::<Secret<u8>>::from_value(Value::Null).unwrap(), None);
    }

    #[test]
    fn errors_show_no_value() {
        let ann =
            Value::Text("{\"$secret\":{\"subject\":\"customer:ann\",\"value\":\"ann@example.org\"}}".into());
        let other_type = Secret::<u8>::from_value(ann).unwrap_err();
        let encrypted = Secret::<u8>::from_value(Value::Text("AVeryLongText".into())).unwrap_err();
        let not_exact = Secret::new(Some(f64::NAN)).to_value(tag("ann")).unwrap_err();
        for (error, part) in
            [(other_type, "the form of its type"), (encrypted, "without the keys"), (not_exact, "read back")]
        {
            let text = error.to_string();
            assert!(text.contains(part), "{text}");
            assert!(!text.contains("example") && !text.contains("Very") && !text.contains("NaN"), "{text}");
        }
    }

    #[test]
    fn store_takes_no_secret_in_its_form_in_memory() {
        let column = |role| Column { name: "email", kind: ColumnType::Text, nullable: true, role };
        let value = Secret::new("ann@example.org".to_owned()).to_value(tag("ann")).unwrap();
        for role in [Role::Encrypted, Role::Lookup] {
            let error = column(role).check_sealed(&value).unwrap_err().to_string();
            assert!(error.contains(".keys(") && !error.contains("example"), "{error}");
            assert!(column(role).check_sealed(&Value::Text("AVeryLongText".into())).is_ok());
            assert!(column(role).check_sealed(&Value::Null).is_ok());
        }
        assert!(column(Role::Plain).check_sealed(&value).is_ok());
    }
}
