//! The ids of the commands that policies send: equal for equal commands of one event, in whatever order a handler returns them.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::{Commands, Policy, boxed_command::BoxedCommand};
use crate::{
    error::Error,
    panics::run_user_code,
    record::{CommandId, Record},
};

/// A command that is not sent yet, and its id.
pub(super) type CommandWithId = (CommandId, Box<dyn BoxedCommand>);

/// The commands of an event with their ids, in order. The id names the policy, the event and the command (by its name and its
/// content), and numbers equal commands. So a command has the same id if the handler is called again and returns its commands
/// in another order.
///
/// # Errors
/// [`Error::Invalid`] if a command cannot be serialized; [`Error::Panicked`] if its code panicked.
pub(super) fn with_ids<P: Policy>(
    record: &Record,
    commands: Commands,
) -> Result<VecDeque<CommandWithId>, Error> {
    let mut counts: HashMap<(&'static str, Uuid), usize> = HashMap::new();
    let with_id = |command: Box<dyn BoxedCommand>| {
        let name = command.name();
        let content = run_user_code(name, || command.body())?.unordered_fingerprint();
        let count = counts.entry((name, content)).or_default();
        let number = *count;
        *count += 1;
        let prefix = CommandId::prefix_of_policy(P::NAME, record.position);
        let command_hash = Uuid::new_v5(&content, name.as_bytes()).simple();
        Ok((format!("{prefix}{}/{command_hash}/{number}", record.id.simple()).into(), command))
    };
    commands.into_boxed().into_iter().map(with_id).collect()
}
