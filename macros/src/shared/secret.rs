//! Fields under `#[secret(subject = …)]`, of events and commands.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Field, Fields, Type, spanned::Spanned};

use super::{Errors, KeyTable, Slot, at, derived, nearest};

/// A field under `#[secret(subject = …)]`.
pub(crate) struct SecretField<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    /// The field with the id of the subject.
    pub(crate) subject: &'a Ident,
    /// Whether rows are found by it.
    pub(crate) has_lookup: bool,
}

/// `#[secret(subject = customer)]`
#[derive(Default)]
struct RawSecret {
    subject: Slot<Ident>,
    /// Whether `subject` was given, even with a mistake.
    has_subject: bool,
    lookup: Slot<()>,
}

const EXAMPLE: &str = "subject = customer";

const SECRET: KeyTable<RawSecret> = KeyTable {
    attribute: "secret",
    note: "",
    keys: &[("subject", |raw, key| {
        raw.has_subject = true;
        raw.subject.name(key, EXAMPLE)
    })],
};

const SECRET_OF_A_ROW: KeyTable<RawSecret> = KeyTable {
    attribute: "secret",
    note: "",
    keys: &[
        ("subject", |raw, key| {
            raw.has_subject = true;
            raw.subject.name(key, EXAMPLE)
        }),
        ("lookup", |raw, key| raw.lookup.flag(key)),
    ],
};

/// Reads and checks the secrets of an event or a command.
pub(crate) fn secret_fields<'a>(fields: &'a Fields, errors: &Errors) -> Vec<SecretField<'a>> {
    fields.iter().filter_map(|field| secret_field(&SECRET, field, fields, errors)).collect()
}

/// Reads and checks the secret in a field of a row.
pub(crate) fn secret_of_a_row<'a>(
    field: &'a Field,
    fields: &'a Fields,
    errors: &Errors,
) -> Option<SecretField<'a>> {
    secret_field(&SECRET_OF_A_ROW, field, fields, errors)
}

fn secret_field<'a>(
    table: &KeyTable<RawSecret>,
    field: &'a Field,
    fields: &'a Fields,
    errors: &Errors,
) -> Option<SecretField<'a>> {
    let mut attributes = field.attrs.iter().filter(|attribute| attribute.path().is_ident("secret"));
    let attribute = attributes.next()?;
    if let Some(second) = attributes.next() {
        errors.at(second, "`#[secret]` is given twice");
    }
    if field.attrs.iter().any(|attribute| attribute.path().is_ident("id")) {
        let message = "an id is a tag, which every reader of the log sees. If it is personal, write `#[id(secret)]` on its type, and \
                       `#[id] email: Secret<Email>` here, without `#[secret]`: it is its own subject";
        errors.at(attribute, message);
    }
    let mut raw = RawSecret::default();
    table.read_one(attribute, &mut raw, errors);
    if matches!(attribute.meta, syn::Meta::List(_)) && !raw.has_subject {
        errors.at(
            attribute,
            format_args!("the field with the id of the subject is missing: `#[secret({EXAMPLE})]`"),
        );
    }
    let given = raw.subject.get()?;
    let others = || {
        fields
            .iter()
            .filter_map(|other| other.ident.as_ref())
            .filter(|name| Some(*name) != field.ident.as_ref())
    };
    let Some(subject) = others().find(|name| *name == given) else {
        let names: Vec<String> = others().map(ToString::to_string).collect();
        let meant = nearest(&given.to_string(), names.iter().map(String::as_str));
        let guess = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        errors.at(
            given,
            format_args!("there is no other field `{given}`, which would have the id of the subject{guess}"),
        );
        return None;
    };
    let has_lookup = raw.lookup.get().is_some();
    Some(SecretField { ident: field.ident.as_ref()?, ty: &field.ty, subject, has_lookup })
}

/// `email: secret0, customer: subject0,`
pub(crate) fn secret_pattern(secrets: &[SecretField<'_>]) -> TokenStream {
    let mut subjects: Vec<&Ident> = Vec::new();
    let mut pattern = TokenStream::new();
    for (i, SecretField { ident, subject, .. }) in secrets.iter().enumerate() {
        let (ident, local) = (derived(ident), local_name("secret", i, ident));
        pattern.extend(quote_spanned!(at(ident.span())=> #ident: #local,));
        if !subjects.contains(subject) {
            let (ident, local) = (derived(subject), local_name("subject", subjects.len(), subject));
            pattern.extend(quote_spanned!(at(ident.span())=> #ident: #local,));
            subjects.push(subject);
        }
    }
    pattern
}

/// `SecretFields::add(secrets, secret0, subject0)?;` for each of them.
pub(crate) fn add_secrets(secrets: &[SecretField<'_>]) -> TokenStream {
    let mut subjects: Vec<&Ident> = Vec::new();
    let adds = secrets.iter().enumerate().map(|(i, SecretField { ident, ty, subject, .. })| {
        let index = subjects.iter().position(|known| known == subject).unwrap_or_else(|| {
            subjects.push(subject);
            subjects.len() - 1
        });
        let (secret, subject) = (local_name("secret", i, ident), local_name("subject", index, subject));
        quote_spanned!(at(ty.span())=> __annalist::SecretFields::add(secrets, #secret, #subject)?;)
    });
    adds.collect()
}

fn local_name(name: &str, index: usize, field: &Ident) -> Ident {
    format_ident!("{name}{index}", span = at(field.span()))
}
