//! What a caller can say about the execution of a command.

use std::borrow::Cow;

use crate::record::CommandId;

/// The options of one execution.
#[derive(Debug, Default)]
pub(crate) struct ExecuteOptions {
    pub(crate) id: Option<CommandId>,
    pub(crate) actor: Option<Cow<'static, str>>,
    pub(crate) correlation: Option<Cow<'static, str>>,
    pub(crate) causation: Option<Cow<'static, str>>,
    pub(crate) trace: Option<Cow<'static, str>>,
    /// The number of policies between the command of a user and this one.
    pub(crate) hops: u32,
}
