//! The table of the rows.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{Column, LOOKUP, Projection, Role, at, member};

/// ```text
/// const TABLE: Table = Table {
///     projection: "balances",
///     version: 1,
///     build: 0,
///     columns: &[
///         Column {
///             name: "account",
///             kind: ColumnOf::<AccountId>::__ANNALIST_TYPE,
///             nullable: ColumnOf::<AccountId>::__ANNALIST_NULLABLE,
///             role: Role::Key,
///         },
///         …
///     ],
/// };
/// ```
pub(super) fn constant(projection: &Projection<'_>) -> TokenStream {
    let Projection { ident, name, version, .. } = projection;
    let span = at(ident.span());
    let columns = projection.columns.iter().map(|one| column(projection, one));
    quote_spanned! {span=>
        const TABLE: __annalist::Table = __annalist::Table {
            projection: #name,
            version: #version,
            build: 0,
            columns: &[#(#columns),*],
        };
    }
}

fn column(projection: &Projection<'_>, column: &Column<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let (name, ty, nullable) = (&column.name, member(column, "TYPE"), member(column, "NULLABLE"));
    let role = match column.role {
        Role::Key => quote_spanned!(span=> Key),
        Role::Index => quote_spanned!(span=> Index),
        Role::Json | Role::Plain => quote_spanned!(span=> Plain),
        Role::Secret { .. } => quote_spanned!(span=> Encrypted),
    };
    let lookup = matches!(column.role, Role::Secret { has_lookup: true, .. }).then(|| {
        let name = format!("{name}{LOOKUP}");
        quote_spanned! {span=>
            , __annalist::Column { name: #name, kind: #ty, nullable: true, role: __annalist::Role::Lookup }
        }
    });
    quote_spanned! {span=>
        __annalist::Column {
            name: #name,
            kind: #ty,
            nullable: #nullable,
            role: __annalist::Role::#role,
        } #lookup
    }
}
