//! The traits, derives and types that a file needs to model a domain.

#[doc(no_inline)]
pub use crate::{
    Aggregate, App, Change, Command, Context, Error, Event, EventStore, ExecuteError, Field, Id, Policy,
    Projection, Query, Receipt,
};
#[doc(no_inline)]
pub use serde::{Deserialize, Serialize};
#[doc(no_inline)]
pub use uuid::Uuid;
