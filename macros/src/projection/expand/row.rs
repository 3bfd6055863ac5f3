//! Converting a row to the values of its columns, and back.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Column, Projection, at, field};

/// ```text
/// fn to_row(&self) -> Result<Row, Invalid> {
///     let mut row = RowWriter::new(<Self as Projection>::TABLE);
///     row.put(<AccountId as Field>::to_value, &self.account)?;
///     …
///     Ok(row.finish())
/// }
/// ```
pub(super) fn to_row(projection: &Projection<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let puts = projection.columns.iter().map(|column| {
        let (ident, field) = (column.ident, field(column));
        quote_spanned!(at(column.ty.span())=> row.put(#field::to_value, &self.#ident)?;)
    });
    quote_spanned! {span=>
        fn to_row(&self) -> __annalist::std::result::Result<__annalist::Row, __annalist::Invalid> {
            let mut row = __annalist::RowWriter::new(<Self as __annalist::Projection>::TABLE);
            #(#puts)*
            __annalist::std::result::Result::Ok(row.finish())
        }
    }
}

/// ```text
/// fn from_row(row: Row) -> Result<Self, Invalid> {
///     let mut row = RowReader::new(<Self as Projection>::TABLE, row);
///     Ok(Self { account: row.take(<AccountId as Field>::from_value)?, … })
/// }
/// ```
pub(super) fn from_row(projection: &Projection<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let fields = projection.columns.iter().map(|column| {
        let (Column { ident, ty, .. }, field) = (column, field(column));
        quote_spanned!(at(ty.span())=> #ident: row.take(#field::from_value)?)
    });
    quote_spanned! {span=>
        fn from_row(
            row: __annalist::Row,
        ) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
            let mut row = __annalist::RowReader::new(<Self as __annalist::Projection>::TABLE, row);
            __annalist::std::result::Result::Ok(Self { #(#fields),* })
        }
    }
}
