//! Queries: one row by its key, lists of rows, and typed queries of several read models.
//!
//! | call | answer |
//! |---|---|
//! | [`App::find`](crate::App::find) | one row by its key: [`Find`] |
//! | [`App::list`](crate::App::list) | rows by key or index, sorted, one page at a time: [`List`], [`Page`], [`Cursor`] |
//! | [`App::ask`](crate::App::ask) | the answer of a typed query, once: [`Query`](trait@Query), [`Ask`] |
//! | [`App::watch`](crate::App::watch) | the answer of a typed query, and every later one: [`QueryWatch`] |
//!
//! Rows follow the log a moment later. Every call has `after(&receipt)`, which waits until the rows include the events of a
//! command.

#[doc(inline)]
pub use annalist_core::query::{Ask, Cursor, Find, List, Page, Query, QueryWatch, ReadModels};
