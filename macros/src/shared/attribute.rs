//! Reads attributes by a table of their keys, and continues after a mistake.

use syn::{Attribute, Error, Meta, Result};

use super::{
    Errors,
    key::{Key, skip_to_comma},
    suggest::nearest,
};

/// How the value of a key is read into `R`.
type ReadValue<R> = fn(&mut R, &Key<'_>) -> Result<()>;

/// The keys of an attribute, and how each of them is read into `R`.
pub(crate) struct KeyTable<R: 'static> {
    /// The name of the attribute.
    pub(crate) attribute: &'static str,
    /// A note at the end of the error about an unknown key.
    pub(crate) note: &'static str,
    /// The keys.
    pub(crate) keys: &'static [(&'static str, ReadValue<R>)],
}

impl<R> KeyTable<R> {
    /// Reads every attribute of this name. Every mistake is reported; reading continues after it.
    pub(crate) fn read(&self, attributes: &[Attribute], raw: &mut R, errors: &Errors) {
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(self.attribute)) {
            self.read_one(attribute, raw, errors);
        }
    }

    /// Whether an attribute of this name has no list of keys. The error about it lists them all.
    pub(crate) fn is_without_keys(&self, attributes: &[Attribute]) -> bool {
        attributes.iter().any(|attribute| {
            attribute.path().is_ident(self.attribute) && !matches!(attribute.meta, Meta::List(_))
        })
    }

    /// Reads one attribute, whatever its name.
    pub(crate) fn read_one(&self, attribute: &Attribute, raw: &mut R, errors: &Errors) {
        if !matches!(attribute.meta, Meta::List(_)) {
            let (name, known) = (self.attribute, self.known());
            errors.at(attribute, format_args!("`#[{name}(…)]` needs keys in parentheses: {known}"));
            return;
        }
        let read = attribute.parse_nested_meta(|meta| {
            let key = Key::from(meta);
            if let Err(error) = self.read_key(&key, raw) {
                errors.add(error);
                skip_to_comma(key.input);
            }
            Ok(())
        });
        if let Err(error) = read {
            errors.add(error);
        }
    }

    fn read_key(&self, key: &Key<'_>, raw: &mut R) -> Result<()> {
        let name = key.name();
        match self.find(&name) {
            Some(read) => read(raw, key),
            None => Err(self.unknown(&name, key, raw)),
        }
    }

    fn find(&self, name: &str) -> Option<ReadValue<R>> {
        self.keys.iter().find(|(known, _)| *known == name).map(|(_, read)| *read)
    }

    /// A misspelt key is read as the key that was probably meant, so that it is not reported as missing too.
    fn unknown(&self, name: &str, key: &Key<'_>, raw: &mut R) -> Error {
        let (known, note) = (self.known(), self.note);
        let meant = nearest(name, self.keys.iter().map(|(known, _)| *known));
        if let Some(read) = meant.and_then(|meant| self.find(meant)) {
            let _ = read(raw, key);
        }
        match meant {
            Some(meant) => key.error(format_args!(
                "unknown key `{name}`, did you mean `{meant}`? known keys: {known}{note}"
            )),
            None => key.error(format_args!("unknown key `{name}`; known keys: {known}{note}")),
        }
    }

    fn known(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|(key, _)| format!("`{key}`")).collect();
        keys.join(", ")
    }
}

/// Reports attributes of the derives in places where they have no effect. `belongs` names the right place.
pub(crate) fn refuse_misplaced(attributes: &[Attribute], name: &str, belongs: &str, errors: &Errors) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        errors.at(attribute, format_args!("`#[{name}]` has no effect here: it belongs on {belongs}"));
    }
}
