//! Describes a domain without starting an app.

use super::builder::Builder;
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
