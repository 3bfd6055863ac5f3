//! Assertions about the columns, which the compiler evaluates as constants.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, ext::IdentExt};

use super::{Body, Query, QueryField, at, field, source};
use crate::shared::source_text;

/// For a concrete query the assertions are items:
///
/// ```text
/// const _: () = QueryColumns::check_equal(
///     &QueryColumns { table: <Balance as Source>::TABLE, row: "Balance" },
///     "owner",
///     <String as Field>::TYPE,
/// );
/// ```
///
/// For a generic query they are inline `const`s in `answer`.
pub(super) fn all(query: &Query<'_>) -> impl Iterator<Item = TokenStream> {
    match &query.body {
        Body::Row(key) => vec![keyed(query, key)],
        Body::Rows(listing) => {
            let order = listing.order.iter().map(|column| ordered(query, column));
            let conditions =
                listing.conditions.iter().map(|(how, query_field)| compared(query, how, query_field));
            order.chain(conditions).collect()
        }
    }
    .into_iter()
}

/// The assertion about the key, at the key fields from the first to the last.
fn keyed(query: &Query<'_>, key: &[QueryField<'_>]) -> TokenStream {
    let place = |query_field: Option<&QueryField<'_>>| {
        at(query_field.map_or_else(Span::call_site, |query_field| query_field.column.span()))
    };
    let columns = columns(query, place(key.first()));
    let names = key.iter().map(|query_field| query_field.column.unraw().to_string());
    let function = quote_spanned!(place(key.first())=> __annalist::QueryColumns::check_key);
    let arguments = quote_spanned!(place(key.last())=> (&#columns, &[#(#names),*]));
    quote!(#function #arguments)
}

fn ordered(query: &Query<'_>, column: &Ident) -> TokenStream {
    let (span, name) = (at(column.span()), column.unraw().to_string());
    let columns = columns(query, span);
    quote_spanned!(span=> __annalist::QueryColumns::check_order(&#columns, #name))
}

fn compared(query: &Query<'_>, how: &str, query_field: &QueryField<'_>) -> TokenStream {
    let (span, name) = (at(query_field.column.span()), query_field.column.unraw().to_string());
    let (columns, field) = (columns(query, span), field(query_field));
    match how {
        "prefix" | "prefix_ignore_ascii_case" => {
            quote_spanned!(span=> __annalist::QueryColumns::check_prefix(&#columns, #name))
        }
        // A type alias of an `Option` would search for NULL.
        "equal" | "one_of" if query_field.optional || how == "one_of" => {
            quote_spanned!(span=> __annalist::QueryColumns::check_equal(&#columns, #name, #field::TYPE))
        }
        "equal" => quote_spanned! {span=>
            __annalist::QueryColumns::check_comparison(&#columns, #name, #field::TYPE, #field::NULLABLE)
        },
        _ => quote_spanned! {span=>
            __annalist::QueryColumns::check_range(
                &#columns,
                #name,
                #field::TYPE,
                #field::NULLABLE,
                #field::IS_ORDERED,
            )
        },
    }
}

fn columns(query: &Query<'_>, span: Span) -> TokenStream {
    let (table, row) = (source(query, "TABLE"), source_text(query.from));
    quote_spanned!(span=> __annalist::QueryColumns { table: #table, row: #row })
}
