//! The name of the schema in which a log is stored.

use std::fmt;

/// Maximum length, so that names that are derived from it are not truncated by the server.
const MAX_BYTES: usize = 48;

/// The name of a schema: a plain identifier, so it can be inserted into SQL without quotes.
#[derive(Clone, Debug)]
pub(crate) struct SchemaName(String);

impl SchemaName {
    /// Checks a name. The error says what a name must look like.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let mut bytes = name.bytes();
        let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
        let is_plain = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let is_reserved = name.starts_with("pg_") || name.ends_with("_rows");
        if starts_well && is_plain && name.len() <= MAX_BYTES && !is_reserved {
            return Ok(Self(name.to_owned()));
        }
        Err(format!(
            "the schema name {name:?} must be `[a-z][a-z0-9_]*` of at most {MAX_BYTES} bytes, must not start with `pg_`, and must not end with `_rows`, which is reserved for projections"
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A statement with this name in place of each `{schema}`.
    pub(crate) fn insert_into(&self, sql: &str) -> String {
        sql.replace("{schema}", &self.0)
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_name_is_a_plain_identifier() {
        for good in ["annalist", "a", "tenant_42"] {
            assert_eq!(SchemaName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Annalist", "1st", "a-b", "a\"b", "a;b", "é", "pg_log", "log_rows", &"a".repeat(49)]
        {
            assert!(SchemaName::parse(bad).unwrap_err().contains("[a-z]"), "{bad}");
        }
    }
}
