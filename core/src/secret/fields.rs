//! The secrets of an event or a command, with their subjects.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Secret, scope};
use crate::{error::Invalid, id::Id, tag::Tag};

/// The secrets of an event or a command, with their subjects. Generated code collects them.
#[derive(Debug, Default)]
pub struct SecretFields(Vec<(usize, Tag)>);

impl SecretFields {
    /// Adds the secrets in a field.
    ///
    /// # Errors
    /// [`Invalid`] if the id of the subject is not valid.
    pub fn add<I: Id>(&mut self, field: &impl SecretField, subject: &I) -> Result<(), Invalid> {
        let mut has_secrets = false;
        field.each_secret(&mut |_| has_secrets = true);
        if has_secrets {
            self.add_tag(field, &Tag::of(subject)?);
        }
        Ok(())
    }

    pub(super) fn add_tag(&mut self, field: &impl SecretField, subject: &Tag) {
        field.each_secret(&mut |address| self.0.push((address, subject.clone())));
    }
}

/// Writes a value whose secrets have these subjects.
#[doc(hidden)]
pub fn with_subjects<R>(secrets: &mut SecretFields, write: impl FnOnce() -> R) -> R {
    scope::with_subjects(std::mem::take(&mut secrets.0), write)
}

/// The types of fields that can have `#[secret(subject = …)]`: [`Secret`], and collections of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a secret",
    label = "a `Secret<…>` is needed here",
    note = "the type of a field with `#[secret(…)]` is `Secret<T>`, or an `Option`, a `Vec` or a map of it"
)]
pub trait SecretField {
    /// Calls `visit` with the address of each secret.
    fn each_secret(&self, visit: &mut dyn FnMut(usize));
}

impl<T> SecretField for Secret<T> {
    fn each_secret(&self, visit: &mut dyn FnMut(usize)) {
        visit(self.address());
    }
}

impl<F: SecretField> SecretField for Option<F> {
    fn each_secret(&self, visit: &mut dyn FnMut(usize)) {
        self.iter().for_each(|field| field.each_secret(visit));
    }
}

impl<F: SecretField> SecretField for Vec<F> {
    fn each_secret(&self, visit: &mut dyn FnMut(usize)) {
        self.iter().for_each(|field| field.each_secret(visit));
    }
}

impl<F: SecretField> SecretField for Box<F> {
    fn each_secret(&self, visit: &mut dyn FnMut(usize)) {
        (**self).each_secret(visit);
    }
}

impl<F: SecretField> SecretField for Arc<F> {
    fn each_secret(&self, visit: &mut dyn FnMut(usize)) {
        (**self).each_secret(visit);
    }
}

impl<K, F: SecretField> SecretField for BTreeMap<K, F> {
    fn each_secret(&self, visit: &mut dyn FnMut(usize)) {
        self.values().for_each(|field| field.each_secret(visit));
    }
}

impl<K, F: SecretField, S> SecretField for HashMap<K, F, S> {
    fn each_secret(&self, visit: &mut dyn FnMut(usize)) {
        self.values().for_each(|field| field.each_secret(visit));
    }
}
