//! Encoding an event as a payload.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Body, Event, Variant, at, derived};
use crate::shared::{add_secrets, secret_pattern};

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
///
/// With secrets
///
/// ```text
/// let secrets = &mut SecretFields::default();
/// match self {
///     Self::Opened { email: secret0, account: subject0, .. } => {
///         SecretFields::add(secrets, secret0, subject0)?;
///     }
///     _ => {}
/// }
/// with_subjects(secrets, || …)
/// ```
pub(super) fn method(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let body = match &event.body {
        Body::One(stored) if stored.unit => quote_spanned!(span=> __annalist::encode_unit(self, codec)),
        Body::One(_) => quote_spanned!(span=> __annalist::encode_struct(self, codec)),
        Body::Sum(variants) => sum(event, variants),
    };
    let body = match subjects(event) {
        Some(subjects) => quote_spanned! {span=>
            let secrets = &mut __annalist::SecretFields::default();
            #subjects
            __annalist::with_subjects(secrets, || #body)
        },
        None => body,
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

/// Collects the subjects of the secrets; `None` without secrets.
fn subjects(event: &Event<'_>) -> Option<TokenStream> {
    let span = at(event.ident.span());
    if event.inline().all(|stored| stored.secrets.is_empty()) {
        return None;
    }
    Some(match &event.body {
        Body::One(stored) => {
            let (pattern, adds) = (secret_pattern(&stored.secrets), add_secrets(&stored.secrets));
            quote_spanned!(span=> let Self { #pattern .. } = self; #adds)
        }
        Body::Sum(variants) => {
            let arms = variants.iter().filter_map(|variant| match variant {
                Variant::Inline { ident, stored, .. } if !stored.secrets.is_empty() => {
                    let (pattern, adds) = (secret_pattern(&stored.secrets), add_secrets(&stored.secrets));
                    let ident = derived(ident);
                    Some(quote_spanned!(span=> Self::#ident { #pattern .. } => { #adds }))
                }
                _ => None,
            });
            let arms: Vec<_> = arms.collect();
            let rest = (arms.len() < variants.len()).then(|| quote_spanned!(span=> _ => {}));
            quote_spanned!(span=> match self { #(#arms)* #rest })
        }
    })
}
