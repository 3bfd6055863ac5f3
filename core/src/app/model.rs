//! Describes the domain of an app, or of one that is not started.

use super::{builder::Builder, facade::App};
use crate::{error::Invalid, model::Model};

impl Model {
    /// Describes the domain that a function registers. No store is opened, and no app is started.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::{app::Builder, model::Model};
    ///
    /// fn domain(builder: Builder) -> Builder {
    ///     builder.commands::<Deposit>().projection::<Balance>()
    /// }
    ///
    /// let model = Model::of(domain)?;
    /// assert_eq!(model.commands[0].writes, ["account.deposited", "account.opened"]); // what its type allows
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid::DuplicateName`] if two types own the same stored name or id kind, as at the start of an app.
    pub fn of(domain: impl FnOnce(Builder) -> Builder) -> Result<Self, Invalid> {
        let Builder { registered, declared, .. } = domain(Builder::new(None));
        registered?;
        Ok(declared.model())
    }
}

impl App {
    /// Describes the domain of the app. The description is made at each call, so a program that needs it often stores it.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// assert_eq!(app.model().projections[0].name, "balances");
    /// # Ok(())
    /// # });
    /// ```
    pub fn model(&self) -> Model {
        self.inner.declared.model()
    }
}
