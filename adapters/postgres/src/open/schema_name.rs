//! The name of the schema in which a log is stored.

use annalist_core::rows::sql::quoted;

/// Maximum length, so that names that are derived from it are not truncated by the server.
const MAX_BYTES: usize = 48;

/// The name of a schema. In SQL it is always a quoted identifier, because the name may be a key word such as `user`.
#[derive(Clone, Debug)]
pub(crate) struct SchemaName(String);

impl SchemaName {
    /// Checks a name. The error says what a name must look like.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let mut bytes = name.bytes();
        let starts_well = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase());
        let is_plain = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !starts_well || !is_plain || name.len() > MAX_BYTES || name.ends_with("_rows") {
            return Err(format!(
                "the schema name {name:?} must be `[a-z][a-z0-9_]*` of at most {MAX_BYTES} bytes, and must not end with `_rows`, which is reserved for projections"
            ));
        }
        if name.starts_with("pg_") || name == "information_schema" {
            return Err(format!(
                "the schema name {name:?} is reserved: `information_schema` and names that start with `pg_` belong to the server"
            ));
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The schema as an identifier in SQL.
    pub(crate) fn quoted(&self) -> String {
        quoted(&self.0)
    }

    /// The schema of the rows of projections, as an identifier in SQL.
    pub(crate) fn quoted_rows(&self) -> String {
        quoted(&format!("{}_rows", self.0))
    }

    /// The channel on which processes notify each other of appends.
    pub(crate) fn channel(&self) -> String {
        format!("{}_appended", self.0)
    }

    /// A statement with the identifiers of the schemas in place of `{schema}` and `{rows}`, and the channel in place of `{channel}`.
    pub(crate) fn insert_into(&self, sql: &str) -> String {
        let sql = sql.replace("{schema}", &self.quoted()).replace("{rows}", &self.quoted_rows());
        sql.replace("{channel}", &self.channel())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_name_is_a_plain_identifier() {
        for good in ["annalist", "a", "tenant_42", "user", "order", "group"] {
            assert_eq!(SchemaName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Annalist", "1st", "a-b", "a\"b", "a;b", "é", "log_rows", &"a".repeat(49)] {
            assert!(SchemaName::parse(bad).unwrap_err().contains("[a-z]"), "{bad}");
        }
        for reserved in ["pg_log", "pg_catalog", "pg_toast", "information_schema"] {
            assert!(SchemaName::parse(reserved).unwrap_err().contains("belong to the server"), "{reserved}");
        }
    }

    #[test]
    fn names_in_statements_are_quoted() {
        let sql = SchemaName::parse("user").unwrap().insert_into("{schema}.log {rows}.x '{channel}'");
        assert_eq!(sql, r#""user".log "user_rows".x 'user_appended'"#);
    }
}
