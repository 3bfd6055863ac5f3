//! What only the compiler can check, by evaluating constants: whether the columns are there.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, ext::IdentExt};

use super::{Asked, Body, Query, at, field, source};
use crate::shared::{is_generic, shown};

/// Of a concrete query the assertions are items, found when it is checked:
///
/// ```text
/// const _: () = Columns { table: <Balance as Source>::TABLE, row: "Balance" }
///     .equal("owner", <String as Field>::TYPE);
/// ```
///
/// Those of a generic one stand in inline `const`s of `answer`.
pub(super) fn items(query: &Query<'_>) -> TokenStream {
    if is_generic(query.generics) {
        return TokenStream::new();
    }
    let asserts = all(query);
    quote!(#(const _: () = #asserts;)*)
}

pub(super) fn all(query: &Query<'_>) -> impl Iterator<Item = TokenStream> {
    match &query.body {
        Body::Row(key) => vec![keyed(query, key)],
        Body::Rows(listing) => {
            let order = listing.order.iter().map(|column| ordered(query, column));
            let conditions = listing.conditions.iter().map(|(how, asked)| compared(query, how, asked));
            order.chain(conditions).collect()
        }
    }
    .into_iter()
}

/// From the first key field to the last.
fn keyed(query: &Query<'_>, key: &[Asked<'_>]) -> TokenStream {
    let place =
        |asked: Option<&Asked<'_>>| at(asked.map_or_else(Span::call_site, |asked| asked.column.span()));
    let columns = columns(query, place(key.first()));
    let names = key.iter().map(|asked| asked.column.unraw().to_string());
    let call = quote_spanned!(place(key.last())=> .keyed(&[#(#names),*]));
    quote!(#columns #call)
}

fn ordered(query: &Query<'_>, column: &Ident) -> TokenStream {
    let (span, name) = (at(column.span()), column.unraw().to_string());
    let columns = columns(query, span);
    quote_spanned!(span=> #columns.ordered(#name))
}

fn compared(query: &Query<'_>, how: &str, asked: &Asked<'_>) -> TokenStream {
    let (span, name) = (at(asked.column.span()), asked.column.unraw().to_string());
    let (columns, field) = (columns(query, span), field(asked));
    match how {
        "prefix" => quote_spanned!(span=> #columns.prefixed(#name)),
        // An `Option` under another name would ask for rows where the field is empty.
        "equal" if asked.optional => quote_spanned!(span=> #columns.equal(#name, #field::TYPE)),
        _ => quote_spanned!(span=> #columns.compared(#name, #field::TYPE, #field::NULLABLE)),
    }
}

fn columns(query: &Query<'_>, span: Span) -> TokenStream {
    let (table, row) = (source(query, "TABLE"), shown(query.from));
    quote_spanned!(span=> __annalist::Columns { table: #table, row: #row })
}
