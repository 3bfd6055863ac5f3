//! Converting a row to the values of its columns, and back.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Projection, Role, at, derived_at, member};

/// ```text
/// fn to_row(&self) -> Result<Row, Invalid> {
///     let mut row = RowWriter::new(<Self as Projection>::TABLE);
///     RowWriter::put(&mut row, <String as Field>::to_value, &self.owner)?;
///     RowWriter::put_secret(&mut row, <Secret<String> as SecretColumn>::to_value, &self.email, RowWriter::subject(&self.account))?;
///     …
///     Ok(RowWriter::finish(row))
/// }
/// ```
pub(super) fn to_row(projection: &Projection<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let puts = projection.columns.iter().map(|column| {
        let (ident, write) = (derived_at(column.ident, column.ty.span()), member(column, "to_value"));
        if let Role::Secret { subject, .. } = column.role {
            let subject = derived_at(subject, subject.span());
            let subject = quote_spanned!(at(subject.span())=> __annalist::RowWriter::subject(&self.#subject));
            return quote_spanned! {at(column.ty.span())=>
                __annalist::RowWriter::put_secret(&mut row, #write, &self.#ident, #subject)?;
            };
        }
        quote_spanned! {at(column.ty.span())=>
            __annalist::RowWriter::put(&mut row, #write, &self.#ident)?;
        }
    });
    quote_spanned! {span=>
        fn to_row(&self) -> __annalist::std::result::Result<__annalist::Row, __annalist::Invalid> {
            let mut row = __annalist::RowWriter::new(<Self as __annalist::Projection>::TABLE);
            #(#puts)*
            __annalist::std::result::Result::Ok(__annalist::RowWriter::finish(row))
        }
    }
}

/// ```text
/// fn from_row(row: Row) -> Result<Self, Invalid> {
///     let mut row = RowReader::new(<Self as Projection>::TABLE, row);
///     Ok(Self { account: RowReader::take(&mut row, ColumnOf::<AccountId>::__annalist_from_value)?, … })
/// }
/// ```
pub(super) fn from_row(projection: &Projection<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let fields = projection.columns.iter().map(|column| {
        let (ident, read) = (derived_at(column.ident, column.ty.span()), member(column, "from_value"));
        if let Role::Secret { .. } = column.role {
            return quote_spanned!(at(column.ty.span())=> #ident: __annalist::RowReader::take_secret(&mut row, #read)?);
        }
        quote_spanned! {at(column.ty.span())=>
            #ident: __annalist::RowReader::take(&mut row, #read)?
        }
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
