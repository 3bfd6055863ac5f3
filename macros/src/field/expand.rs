//! The code that `#[derive(Field)]` generates.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use super::model::{Body, Field, Variant};
use crate::shared::{at, derived, inline_asserts, is_generic, item_asserts, where_clause};

pub(crate) fn field(field: &Field<'_>) -> TokenStream {
    match &field.body {
        Body::Newtype(inner) => newtype(field, inner),
        Body::Enum(variants) => text_enum(field, variants),
    }
}

/// ```text
/// impl Field for Cents {
///     const TYPE: ColumnType = <i64 as Field>::TYPE;
///     const IS_ORDERED: bool = <i64 as Field>::IS_ORDERED;
///     fn to_value(&self) -> Result<Value, Invalid> {
///         <i64 as Field>::to_value(&self.0)
///     }
///     fn from_value(value: Value) -> Result<Self, Invalid> {
///         Result::map(<i64 as Field>::from_value(value), Self)
///     }
/// }
/// const _: () = assert!(!<i64 as Field>::NULLABLE, "…");
/// ```
fn newtype(field: &Field<'_>, inner: &Type) -> TokenStream {
    let Field { ident, generics, .. } = field;
    let name = derived(ident);
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &[quote!(#inner: __annalist::Field)]);
    let (item_span, span) = (at(ident.span()), at(inner.span()));
    let inner_field = quote_spanned!(span=> <#inner as __annalist::Field>);
    let not_null = || {
        quote_spanned! {span=>
            __annalist::std::assert!(
                !#inner_field::NULLABLE,
                "a newtype around a value that may be NULL: use the type inside the `Option`, and an `Option` of the newtype as the type of the column"
            )
        }
    };
    let (items, inline) =
        (item_asserts(generics, [not_null()]), inline_asserts(span, generics, [not_null()]));
    let column_type = match is_generic(generics) {
        true => quote_spanned!(span=> { #inline #inner_field::TYPE }),
        false => quote_spanned!(span=> #inner_field::TYPE),
    };
    let body = quote_spanned! {span=>
        const TYPE: __annalist::ColumnType = #column_type;
        const IS_ORDERED: __annalist::std::primitive::bool = #inner_field::IS_ORDERED;

        fn to_value(&self) -> __annalist::std::result::Result<__annalist::Value, __annalist::Invalid> {
            #inner_field::to_value(&self.0)
        }

        fn from_value(value: __annalist::Value) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
            __annalist::std::result::Result::map(#inner_field::from_value(value), Self)
        }
    };
    quote_spanned! {item_span=>
        #[automatically_derived]
        impl #parameters __annalist::Field for #name #arguments #predicates { #body }
        #items
    }
}

/// ```text
/// impl Field for Status {
///     const TYPE: ColumnType = ColumnType::Text;
///     const IS_ORDERED: bool = false;
///     fn to_value(&self) -> Result<Value, Invalid> {
///         variant_to_value(match self { Self::Open => "open", Self::Closed => "closed" })
///     }
///     fn from_value(value: Value) -> Result<Self, Invalid> {
///         variant_from_value(value, "Status", &[("open", Self::Open), ("closed", Self::Closed)])
///     }
/// }
/// ```
fn text_enum(field: &Field<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let (name, span) = (derived(field.ident), at(field.ident.span()));
    let shown = field.ident.to_string();
    let variant = |variant: &Variant<'_>| derived(variant.ident);
    let (idents, texts): (Vec<_>, Vec<_>) =
        variants.iter().map(|one| (variant(one), one.text.as_str())).unzip();
    quote_spanned! {span=>
        #[automatically_derived]
        impl __annalist::Field for #name {
            const TYPE: __annalist::ColumnType = __annalist::ColumnType::Text;
            const IS_ORDERED: __annalist::std::primitive::bool = false;

            fn to_value(&self) -> __annalist::std::result::Result<__annalist::Value, __annalist::Invalid> {
                __annalist::variant_to_value(match self {
                    #(Self::#idents => #texts,)*
                })
            }

            fn from_value(
                value: __annalist::Value,
            ) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
                __annalist::variant_from_value(value, #shown, [#((#texts, Self::#idents)),*])
            }
        }
    }
}
