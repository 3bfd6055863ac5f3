//! Asking rows: one by its key, or many by index, in an order, a page at a time.

mod cursor;
mod list;
mod model;
mod one;

pub(crate) use self::model::{DEFAULT_TIMEOUT, Followed};
pub use self::{
    cursor::Cursor,
    list::{List, Rows},
    model::ReadModel,
    one::Find,
};
