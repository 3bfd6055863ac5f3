//! The code that `#[derive(Aggregate)]` generates.

mod fold;
mod initial;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::model::{Aggregate, NamedField, Snapshot};
use crate::shared::{On, at, derived, is_generic, item_asserts, mentions, send_sync_static, where_clause};

/// ```text
/// impl Aggregate for Account {
///     type Id = AccountId;
///     type Error = AccountError;
///     const EVENTS: &'static [Types] = &[<AccountEvent as On>::TYPES];
///     const USES_CONTEXT: bool = false;
///     const SNAPSHOTS: Option<Snapshots<Self>> = Some(Snapshots::new("Account", 100, 1, 0x…, module_path!()));
///     fn initial(id: AccountId) -> Self { … }
///     fn fold_record(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> { … }
///     fn fold_into_each(states: &mut [&mut Self], record: &Record, codec: &Codec) -> Result<(), Invalid> { … }
///     fn debug_text(&self) -> Option<String> { … }
/// }
/// ```
pub(crate) fn aggregate(aggregate: &Aggregate<'_>) -> TokenStream {
    let Aggregate { ident, generics, on, .. } = aggregate;
    let name = derived(ident);
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &predicates(aggregate));
    let span = at(ident.span());
    let id = id_type(aggregate);
    let error = match aggregate.error {
        Some(error) => quote!(#error),
        None => quote_spanned!(span=> __annalist::std::convert::Infallible),
    };
    let events = on.iter().map(|on| on.types("On"));
    let uses_context = aggregate.context;
    let snapshots = aggregate.snapshot.as_ref().map(|snapshot| snapshots(ident, snapshot));
    let initial = initial::method(aggregate);
    let fold = fold::methods(aggregate);
    let debug_text = debug_text(ident);
    let asserts = item_asserts(generics, fold::asserts(aggregate));
    quote_spanned! {span=>
        #[automatically_derived]
        impl #parameters __annalist::Aggregate for #name #arguments #predicates {
            type Id = #id;
            type Error = #error;
            const EVENTS: &'static [__annalist::Types] = &[#(#events),*];
            const USES_CONTEXT: __annalist::std::primitive::bool = #uses_context;
            #snapshots
            #initial
            #fold
            #debug_text
        }
        #asserts
    }
}

fn snapshots(ident: &Ident, snapshot: &Snapshot<'_>) -> TokenStream {
    let Snapshot { key, every, version, name, shape } = snapshot;
    let name = name.map_or_else(|| ident.unraw().to_string().into_token_stream(), ToTokens::to_token_stream);
    quote_spanned! {at(key.span())=>
        const SNAPSHOTS: __annalist::std::option::Option<__annalist::Snapshots<Self>> =
            __annalist::std::option::Option::Some(__annalist::Snapshots::new(
                #name,
                #every,
                #version,
                #shape,
                __annalist::std::module_path!(),
            ));
    }
}

/// ```text
/// fn debug_text(&self) -> Option<String> { Shown(self).__annalist_text() }
/// ```
///
/// `WithoutDebug` is the trait of that function for types without `Debug`, and always used by the first line of the body: closures are
/// such types.
fn debug_text(ident: &Ident) -> TokenStream {
    quote_spanned! {at(ident.span())=>
        fn debug_text(&self) -> __annalist::std::option::Option<__annalist::std::string::String> {
            use __annalist::WithoutDebug as _;
            __annalist::Shown(&|| ()).__annalist_text();
            __annalist::Shown(self).__annalist_text()
        }
    }
}

fn id_type(aggregate: &Aggregate<'_>) -> TokenStream {
    match aggregate.id {
        Some(NamedField { ty, .. }) => quote!(#ty),
        None => quote!(()),
    }
}

/// The bounds of a generic aggregate in addition to the user's.
fn predicates(aggregate: &Aggregate<'_>) -> Vec<TokenStream> {
    let generics = aggregate.generics;
    let mut predicates = vec![send_sync_static()];
    if aggregate.snapshot.is_some() && is_generic(generics) {
        predicates.push(quote!(Self: __annalist::serde::Serialize + __annalist::serde::de::DeserializeOwned));
    }
    for NamedField { ty, .. } in aggregate.fields.iter().filter(|field| mentions(generics, field.ty)) {
        predicates.push(quote!(#ty: __annalist::InitialValue));
    }
    for On { event, .. } in aggregate.on.iter().filter(|on| mentions(generics, &on.event)) {
        predicates.push(quote!(#event: __annalist::Event));
    }
    if let Some(id) = aggregate.id.filter(|id| mentions(generics, id.ty)) {
        let ty = id.ty;
        predicates.push(quote!(#ty: __annalist::AggregateId));
    }
    predicates
}
