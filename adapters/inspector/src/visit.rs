//! A request to a page: the site, the operator, the fields of the query, and the links of the page.

use std::{convert::Infallible, future::Future, str::FromStr, sync::Arc};

use annalist_core::{record::Position, time::Timestamp};
use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use crate::{
    failure::Failure,
    identity::Identity,
    layout::{self, Page, Section},
    links::Links,
    site::Site,
    text,
    token::Token,
};

/// A request to a page.
pub(crate) struct Visit {
    pub(crate) site: Arc<Site>,
    pub(crate) links: Links,
    pub(crate) identity: Identity,
    pub(crate) now: Timestamp,
    fields: Vec<(String, String)>,
    /// The token of forms; only for an operator with the right to act.
    token: Option<Token>,
}

impl FromRequestParts<Arc<Site>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Infallible> {
        let read_only = Identity { may_act: false, ..Identity::default() };
        let identity = parts.extensions.get::<Identity>().cloned().unwrap_or(read_only);
        let fields = Query::try_from_uri(&parts.uri).map(|Query(fields)| fields).unwrap_or_default();
        let token = if identity.may_act { Token::of(&parts.headers) } else { None };
        let (site, links) = (Arc::clone(site), Links::of(parts));
        Ok(Self { site, links, identity, now: Timestamp::now(), fields, token })
    }
}

impl Visit {
    /// The value of a field of the query; empty if it is missing.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }

    /// The value of a field, parsed; `None` if it is empty.
    ///
    /// # Errors
    /// [`Failure::BadInput`] with an example.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, example: &str) -> Result<Option<T>, Failure> {
        parse(name, self.field(name), example)
    }

    /// A position in a field.
    pub(crate) fn position(&self, name: &str) -> Result<Option<Position>, Failure> {
        Ok(self
            .parsed::<u64>(name, "a whole number such as 7")?
            .map(|number| Position::new(number).min(Position::END)))
    }

    /// A form with a button that changes something; nothing for an operator without the right to act.
    pub(crate) fn action(&self, target: &str, label: &str, is_dangerous: bool, fields: &Markup) -> Markup {
        let Some(token) = &self.token else { return html! {} };
        html! {
            form.action method="post" action=(self.links.to(target)) {
                input type="hidden" name="token" value=(token.as_str());
                (fields)
                button.danger[is_dangerous] { (label) }
            }
        }
    }

    /// The page, or the page of the failure.
    pub(crate) async fn page(
        &self,
        title: &str,
        section: Section,
        content: impl Future<Output = Result<Markup, Failure>>,
    ) -> Response {
        match self.site.bounded(content).await {
            Ok(content) => {
                let (links, done) = (&self.links, self.field("done"));
                let page = Page { title, section, links, done, content: &content, foot: &self.foot() };
                let mut response = layout::page(&page).into_response();
                let new = self.token.as_ref().filter(|token| token.is_new);
                if let Some(cookie) = new.and_then(Token::cookie) {
                    response.headers_mut().insert(header::SET_COOKIE, cookie);
                }
                response
            }
            Err(failure) => layout::failure_page(&self.links, &failure),
        }
    }

    fn foot(&self) -> Markup {
        let rights = if self.identity.may_act { "may act" } else { "read only" };
        html! {
            p { "Operator " b { (text::cell(&self.identity.name)) } ", " (rights) }
            p { (text::cell(&self.site.app.store().describe())) }
        }
    }

    /// The answer to a form: back to a page.
    pub(crate) fn back_to(&self, target: &str) -> Response {
        let location = HeaderValue::from_str(target).unwrap_or(HeaderValue::from_static("."));
        (axum::http::StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
    }
}

/// Parses the value of a field; `None` if it is empty.
///
/// # Errors
/// [`Failure::BadInput`] with an example.
pub(crate) fn parse<T: FromStr>(name: &str, text: &str, example: &str) -> Result<Option<T>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let (shown, _) = text::cut(text, 100);
        Failure::BadInput(format!("The {name} “{}” cannot be read; it is {example}.", text::visible(shown)))
    })
}
