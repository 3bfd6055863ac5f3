//! The code that `#[derive(Projection)]` generates.

mod asserts;
mod initial;
mod plan;
mod row;
mod table;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::{
    check::LOOKUP,
    model::{Column, Projection, Role},
    parse::Entry,
};
use crate::shared::{On, at, derived, derived_at, item_asserts, mentions, send_sync_static, where_clause};

/// ```text
/// use NotAColumn as _; // the members of `ColumnOf` of a type that is no column
///
/// impl Projection for Balance {
///     type Key = AccountId;
///     const TABLE: Table = Table { … };
///     const EVENTS: &'static [Types] = &[<AccountEvent as OnRow>::TYPES];
///     const BY_IDS: bool = true;
///     const KEY_FUNCTIONS: &'static [&'static str] = &[""];
///     fn initial(key: AccountId) -> Self { … }
///     fn plan_record<'a>(record: &'a Record, codec: &Codec, steps: &mut RowOps<'a, Self>) -> Result<(), Invalid> { … }
///     fn to_row(&self) -> Result<Row, Invalid> { … }
///     fn from_row(row: Row) -> Result<Self, Invalid> { … }
/// }
/// ```
pub(crate) fn projection(projection: &Projection<'_>) -> TokenStream {
    let Projection { ident, generics, on, .. } = projection;
    let name = derived(ident);
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &predicates(projection));
    let span = at(ident.span());
    let key = key_type(projection);
    let table = table::constant(projection);
    let events = on.iter().map(|entry| entry.on.types("OnRow"));
    let by_ids = on.iter().all(|entry| entry.by.is_none());
    let reads_secrets = (!projection.reads_secrets)
        .then(|| quote_spanned!(span=> const READS_SECRETS: __annalist::std::primitive::bool = false;));
    let key_functions = on.iter().map(key_function);
    let initial = initial::method(projection);
    let plan = plan::method(projection);
    let to_row = row::to_row(projection);
    let from_row = row::from_row(projection);
    let asserts = item_asserts(generics, asserts::all(projection));
    quote_spanned! {span=>
        use __annalist::NotAColumn as _;

        #[automatically_derived]
        impl #parameters __annalist::Projection for #name #arguments #predicates {
            type Key = #key;
            #table
            const EVENTS: &'static [__annalist::Types] = &[#(#events),*];
            const BY_IDS: __annalist::std::primitive::bool = #by_ids;
            const KEY_FUNCTIONS: &'static [&'static __annalist::std::primitive::str] = &[#(#key_functions),*];
            #reads_secrets
            #initial
            #plan
            #to_row
            #from_row
        }
        #asserts
    }
}

/// The name of the function after `by`; empty without one. Its path is left out: the function may move.
fn key_function(entry: &Entry) -> String {
    let function = entry.by.as_ref().and_then(|by| by.path.segments.last());
    function.map_or_else(String::new, |function| function.ident.unraw().to_string())
}

/// The type of the key field, or a tuple of several.
fn key_type(projection: &Projection<'_>) -> TokenStream {
    let types: Vec<_> = projection.keys().map(|column| column.ty).collect();
    match &types[..] {
        [ty] => quote!(#ty),
        types => quote_spanned!(at(projection.ident.span())=> (#(#types),*)),
    }
}

/// A member of the type of a column: `<String as Field>::TYPE`, or `<Lines as JsonField>::TYPE` under `#[json]`, or
/// `ColumnOf::<AccountId>::__ANNALIST_TYPE` of a key, for which the only error is that it cannot be a key.
fn member(Column { ty, role, .. }: &Column<'_>, name: &str) -> TokenStream {
    let span = at(ty.span());
    let prefix = if name.starts_with(char::is_uppercase) { "__ANNALIST_" } else { "__annalist_" };
    let (name, of_key) = (Ident::new(name, span), Ident::new(&format!("{prefix}{name}"), span));
    match role {
        Role::Json => quote_spanned!(span=> <#ty as __annalist::JsonField>::#name),
        Role::Secret { .. } => quote_spanned!(span=> <#ty as __annalist::SecretColumn>::#name),
        Role::Key => quote_spanned!(span=> __annalist::ColumnOf::<#ty>::#of_key),
        Role::Index | Role::Plain => quote_spanned!(span=> <#ty as __annalist::Field>::#name),
    }
}

/// The bounds of a generic projection in addition to the user's.
fn predicates(projection: &Projection<'_>) -> Vec<TokenStream> {
    let generics = projection.generics;
    let mut predicates = vec![send_sync_static()];
    for Column { ty, role, .. } in projection.columns.iter().filter(|column| mentions(generics, column.ty)) {
        predicates.push(match role {
            Role::Key => quote!(#ty: __annalist::Field + __annalist::RowKey),
            Role::Json => quote!(#ty: __annalist::JsonField + __annalist::InitialValue),
            Role::Secret { .. } => quote!(#ty: __annalist::SecretColumn + __annalist::InitialValue),
            Role::Index | Role::Plain => quote!(#ty: __annalist::Field + __annalist::InitialValue),
        });
    }
    for Entry { on: On { event, .. }, .. } in
        projection.on.iter().filter(|entry| mentions(generics, &entry.on.event))
    {
        predicates.push(quote!(#event: __annalist::Event));
    }
    let key = key_type(projection);
    if projection.on.iter().any(|entry| entry.by.is_none()) && mentions(generics, &key) {
        predicates.push(quote!(#key: __annalist::Id));
    }
    predicates
}
