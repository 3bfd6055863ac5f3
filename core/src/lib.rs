//! The model of Annalist, its write path and read path, and the traits that stores implement.
//!
//! Applications use the `annalist` crate, which re-exports what they need. Depend on this crate to write a store: implement
//! [`store::EventStore`] and test it with the conformance suite.
//!
//! A module uses only modules of its own floor and of the floors below:
//!
//! | floor | modules |
//! |---|---|
//! | application | [`app`], [`model`], [`policy`], [`testing`] |
//! | execution | [`execute`] |
//! | write side | [`aggregate`], [`command`], [`dispatch`] |
//! | read side | [`feed`], [`daemon`], [`projection`], [`query`], [`retag`], [`transfer`], [`verify`] |
//! | port | [`store`], [`rows`], [`keys`] |
//! | facts | [`tag`], [`criteria`], [`payload`], [`record`], [`context`], [`codec`], [`event`], [`finding`], [`secret`] |
//! | ground | [`error`], [`limits`], [`panics`], [`id`], [`initial`], [`log_id`], `message_id`, [`position`], [`progress`], [`telemetry`], [`time`], [`backoff`], `app_runtime`, `cache` |

mod app_runtime;
pub mod backoff;
mod cache;
pub mod error;
pub mod id;
#[doc(hidden)]
pub mod initial;
pub mod limits;
pub mod log_id;
mod message_id;
pub mod panics;
pub mod position;
pub mod progress;
pub mod telemetry;
pub mod time;

pub mod codec;
pub mod context;
pub mod criteria;
pub mod event;
pub mod finding;
pub mod payload;
pub mod record;
pub mod secret;
pub mod tag;

pub mod keys;
pub mod rows;
pub mod store;

pub mod aggregate;
pub mod command;
pub mod dispatch;

pub mod daemon;
pub mod feed;
pub mod projection;
pub mod query;
pub mod retag;
pub mod transfer;
pub mod verify;

pub mod execute;

pub mod app;
pub mod model;
pub mod policy;
pub mod testing;

#[doc(inline)]
pub use self::error::{BoxError, Error, ExecuteError, Invalid};
