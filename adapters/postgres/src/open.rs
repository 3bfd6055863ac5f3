//! Opening a log: the options, the name of its schema, and the migrations of the schema.

pub(crate) mod migrate;
pub(crate) mod options;
pub(crate) mod schema_name;
mod sessions;
