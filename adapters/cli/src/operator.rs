//! The options of verbs that store a request.

use annalist_core::app::App;
use clap::Args;

/// The operator whose name is stored with a request.
#[derive(Args, Clone, Debug)]
pub struct Operator {
    /// The name that is stored with the request.
    #[arg(long, env = "USER", hide_env_values = true)]
    actor: Option<String>,
}

impl Operator {
    /// The app of this operator.
    pub(crate) fn of(&self, app: &App) -> App {
        match self.actor.as_deref().filter(|actor| !actor.is_empty()) {
            Some(actor) => app.as_operator(actor),
            None => app.clone(),
        }
    }
}
