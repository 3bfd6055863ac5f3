//! Finds the mistakes of an aggregate.

use syn::{Data, DeriveInput, Fields};

use super::{
    model::{Aggregate, NamedField},
    parse::Raw,
};
use crate::shared::{Errors, refuse_lifetimes};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &'a Raw<'a>, errors: &Errors) -> Option<Aggregate<'a>> {
    let name = &item.ident;
    refuse_lifetimes(&item.generics, "an aggregate", errors);
    let fields = named_fields(item, errors)?;
    if !raw.attribute.has_on {
        let message =
            format_args!("which events is it folded from? `#[aggregate(on({name}Event => {name}::apply))]`");
        errors.at(name, message);
    }
    for (_, attribute) in raw.ids.iter().skip(1) {
        errors.at(
            attribute,
            "an aggregate has one `#[id]`, by which its events are found: keep the other ids as plain fields",
        );
    }
    let id = raw.ids.first().and_then(|(field, _)| NamedField::of(field));
    let others = fields.into_iter().filter(|field| id.is_none_or(|id| id.ident != field.ident));
    Some(Aggregate {
        ident: name,
        generics: &item.generics,
        id,
        fields: others.collect(),
        error: raw.attribute.error.get(),
        on: &raw.attribute.on,
        context: raw.attribute.context.get().is_some(),
    })
}

fn named_fields<'a>(item: &'a DeriveInput, errors: &Errors) -> Option<Vec<NamedField<'a>>> {
    let name = &item.ident;
    let data = match &item.data {
        Data::Struct(data) => data,
        Data::Enum(_) | Data::Union(_) => {
            let message =
                format_args!("an aggregate is a struct: `struct {name} {{ … }}`, with an enum as a field");
            errors.at(name, message);
            return None;
        }
    };
    if let Fields::Unnamed(tuple) = &data.fields {
        errors.at(tuple, format_args!("an aggregate has named fields: `struct {name} {{ … }}`"));
        return None;
    }
    data.fields.iter().map(NamedField::of).collect()
}
