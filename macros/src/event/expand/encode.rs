//! Encoding an event as a payload.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Body, Event, Variant, at, derived};

/// For a struct `encode_struct(self, codec)`, for a unit struct `encode_unit(self, codec)`, and for an enum
///
/// ```text
/// fn encode_payload(&self, codec: &Codec) -> Result<Payload, Invalid> {
///     match self {
///         Self::Frozen(event) => Event::encode_payload(event, codec),
///         _ => encode_variant(self, codec),
///     }
/// }
/// ```
pub(super) fn method(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let body = match &event.body {
        Body::One(stored) if stored.unit => quote_spanned!(span=> __annalist::encode_unit(self, codec)),
        Body::One(_) => quote_spanned!(span=> __annalist::encode_struct(self, codec)),
        Body::Sum(variants) => sum(event, variants),
    };
    quote_spanned! {span=>
        fn encode_payload(
            &self,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<__annalist::Payload, __annalist::Invalid> {
            #body
        }
    }
}

fn sum(event: &Event<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let span = at(event.ident.span());
    let inline = quote_spanned!(span=> __annalist::encode_variant(self, codec));
    let newtypes = variants.iter().filter_map(|variant| match variant {
        Variant::Inline { .. } => None,
        Variant::Newtype { ident, inner } => {
            let ident = derived(ident);
            Some(quote_spanned! {at(inner.span())=>
                Self::#ident(event) => <#inner as __annalist::Event>::encode_payload(event, codec),
            })
        }
    });
    let newtypes: Vec<_> = newtypes.collect();
    if newtypes.is_empty() {
        return inline;
    }
    let rest = (newtypes.len() < variants.len()).then(|| quote_spanned!(span=> _ => #inline,));
    quote_spanned!(span=> match self { #(#newtypes)* #rest })
}
