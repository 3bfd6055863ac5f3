//! The tags of an event.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Body, Event, IdField, Variant, at, derived};
use crate::shared::last_span;

/// ```text
/// fn collect_tags(&self, tags: &mut Tags) -> Result<(), Invalid> {
///     match self {
///         Self::Opened { account: id0, .. } => {
///             <AccountId as IdField>::add_tags(id0, tags)?;
///         }
///         Self::Frozen(event) => Event::collect_tags(event, tags)?,
///     }
///     Ok(())
/// }
/// ```
///
/// With `#[id(with = path)]` the line is `Tags::add(tags, &path(id0))?`.
pub(super) fn method(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let tagged = event.inline().any(|stored| !stored.ids.is_empty()) || event.newtypes().next().is_some();
    let tags = if tagged { quote_spanned!(span=> tags) } else { quote_spanned!(span=> _) };
    let body = match &event.body {
        Body::One(stored) => {
            let (fields, adds) = (fields(&stored.ids), adds(&stored.ids));
            quote_spanned!(span=> let Self { #fields .. } = self; #adds)
        }
        Body::Sum(variants) => {
            let arms = variants.iter().map(arm);
            quote_spanned!(span=> match self { #(#arms)* })
        }
    };
    let body = tagged.then_some(body);
    quote_spanned! {span=>
        fn collect_tags(
            &self,
            #tags: &mut __annalist::Tags,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #body
            __annalist::std::result::Result::Ok(())
        }
    }
}

fn arm(variant: &Variant<'_>) -> TokenStream {
    match variant {
        Variant::Inline { ident, stored, .. } => {
            let (ident, fields, adds) = (derived(ident), fields(&stored.ids), adds(&stored.ids));
            quote_spanned!(ident.span()=> Self::#ident { #fields .. } => { #adds })
        }
        Variant::Newtype { ident, inner } => {
            let ident = derived(ident);
            quote_spanned! {at(inner.span())=>
                Self::#ident(event) => <#inner as __annalist::Event>::collect_tags(event, tags)?,
            }
        }
    }
}

/// `from: id0, to: id1,`
fn fields(ids: &[IdField<'_>]) -> TokenStream {
    let (names, locals) = (ids.iter().map(|id| derived(id.ident)), locals(ids));
    quote!(#(#names: #locals,)*)
}

fn adds(ids: &[IdField<'_>]) -> TokenStream {
    let adds = ids.iter().zip(locals(ids)).map(|(id, local)| match &id.with {
        None => {
            let ty = id.ty;
            quote_spanned!(at(ty.span())=> <#ty as __annalist::IdField>::add_tags(#local, tags)?;)
        }
        Some(path) => {
            let span = at(last_span(&path.path));
            let local = Ident::new(&local.to_string(), span);
            quote_spanned!(span=> __annalist::Tags::add(tags, &#path(#local))?;)
        }
    });
    adds.collect()
}

fn locals<'i>(ids: &'i [IdField<'_>]) -> impl Iterator<Item = Ident> + 'i {
    ids.iter().enumerate().map(|(i, id)| format_ident!("id{i}", span = at(id.ident.span())))
}
