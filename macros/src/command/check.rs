//! Checks a command.

mod states;

use syn::{DeriveInput, Fields, Ident, LitStr, Path, Type, Variant, ext::IdentExt};

use super::{
    model::{Body, Command, CommandError, Decision, Member},
    parse::{RawAttribute, RawCommand, RawData, RawId},
};
use crate::shared::{
    Case, Errors, check_command_name, in_case, refuse_lifetimes, secret_fields, source_text,
};

pub(crate) fn check<'a>(
    item: &'a DeriveInput,
    raw: &'a RawCommand<'a>,
    errors: &Errors,
) -> Option<Command<'a>> {
    refuse_lifetimes(&item.generics, "a command", errors);
    let ident = &item.ident;
    let (body, error) = match &raw.data {
        RawData::Struct { fields, ids } => command_struct(ident, &raw.attribute, fields, ids, errors)?,
        RawData::Enum(variants) => command_enum(ident, &raw.attribute, variants, errors)?,
        RawData::Union => {
            errors.at(ident, "a command is a struct, or an enum of commands");
            return None;
        }
    };
    Some(Command { ident, generics: &item.generics, error, body })
}

fn command_struct<'a>(
    ident: &Ident,
    attribute: &'a RawAttribute,
    fields: &'a Fields,
    ids: &'a [RawId<'a>],
    errors: &Errors,
) -> Option<(Body<'a>, CommandError<'a>)> {
    let name = name(ident, attribute, errors);
    if let Fields::Unnamed(tuple) = fields {
        errors.at(tuple, format_args!("a command has named fields: `struct {ident} {{ … }}`"));
        return None;
    }
    if !attribute.has_decide {
        let function = in_case(Case::Snake, &ident.unraw().to_string());
        let message =
            format_args!("the decision is missing: write `#[command(decide = Account::{function})]`");
        errors.at(ident, message);
    }
    let path = attribute.decide.get()?;
    let states = states::check(ident, attribute, path, ids, errors)?;
    let error = match (attribute.error.get(), states.first()) {
        (Some(error), _) => CommandError::Given(error),
        (None, Some(state)) => CommandError::OfState(Box::new(state.aggregate.clone())),
        (None, None) if attribute.has_error => return None,
        (None, None) => CommandError::Infallible,
    };
    let context = attribute.context.get().is_some();
    let secrets = secret_fields(fields, errors);
    Some((Body::One(Decision { path, name, states, secrets, context }), error))
}

fn name(ident: &Ident, attribute: &RawAttribute, errors: &Errors) -> String {
    let name = match attribute.name.get() {
        Some(name) => name.clone(),
        None => LitStr::new(&in_case(Case::Kebab, &ident.unraw().to_string()), ident.span()),
    };
    check_command_name(&name, errors);
    name.value()
}

fn command_enum<'a>(
    ident: &Ident,
    attribute: &'a RawAttribute,
    variants: &[&'a Variant],
    errors: &Errors,
) -> Option<(Body<'a>, CommandError<'a>)> {
    let RawAttribute { decide, state, context, name, .. } = attribute;
    for key in [decide.key(), state.key(), context.key(), name.key()].into_iter().flatten() {
        refuse_on_enum(key, errors);
    }
    if variants.is_empty() {
        errors
            .at(ident, format_args!("a command enum needs a variant: `enum {ident} {{ Deposit(Deposit) }}`"));
    }
    let members: Option<Vec<_>> = variants.iter().map(|variant| member(variant, errors)).collect();
    let members = members?;
    let error = match attribute.error.get() {
        Some(error) => CommandError::Given(error),
        None => CommandError::OfVariant(members.first()?.command),
    };
    Some((Body::Sum(members), error))
}

fn refuse_on_enum(key: &Path, errors: &Errors) {
    let name = source_text(key);
    errors.at(
        key,
        format_args!("`{name}` belongs on the commands inside: the enum has no decision of its own"),
    );
}

fn member<'a>(variant: &'a Variant, errors: &Errors) -> Option<Member<'a>> {
    let ident = &variant.ident;
    let command: Option<&Type> = match &variant.fields {
        Fields::Unnamed(tuple) if tuple.unnamed.len() == 1 => tuple.unnamed.first().map(|field| &field.ty),
        _ => None,
    };
    if command.is_none() {
        let message = format_args!(
            "a variant wraps one command: `{ident}({ident})`, with a struct `{ident}` that derives `Command`"
        );
        errors.at(variant, message);
    }
    Some(Member { ident, command: command? })
}
