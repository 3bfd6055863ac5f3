//! Opening a log: the options, the name of its schema, and the migrations of the schema.

pub(crate) mod migrate;
mod options;
mod schema_name;

pub use options::Options;
pub(crate) use schema_name::SchemaName;
