//! An application in operation: its builder, calls and status.

#[doc(inline)]
pub use annalist_core::{
    app::{App, Builder, Execute, History, Journal, Lag, Live, Load, Moment, Overview, Retry},
    time::Clock,
};
