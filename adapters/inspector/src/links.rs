//! Links from a page to others, relative to it: so the router can be nested at any path, and a proxy may cut off a part of it.

use axum::{extract::OriginalUri, http::request::Parts};
use form_urlencoded::Serializer;

/// The way from a page to the root of the inspector.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    root: String,
}

impl Links {
    /// The links of the page that a request asks for.
    pub(crate) fn of(parts: &Parts) -> Self {
        let original = parts.extensions.get::<OriginalUri>().map_or(parts.uri.path(), |uri| uri.0.path());
        Self::from_paths(original, parts.uri.path())
    }

    /// From the path that the browser asked for, and that inside of the inspector.
    fn from_paths(original: &str, inner: &str) -> Self {
        let depth = inner.matches('/').count().saturating_sub(1);
        let root = match inner {
            "/" | "" if !original.ends_with('/') => {
                format!("{}/", original.rsplit('/').next().unwrap_or_default())
            }
            _ if depth == 0 => "./".to_owned(),
            _ => "../".repeat(depth),
        };
        Self { root }
    }

    /// A link to a page.
    pub(crate) fn to(&self, page: &str) -> String {
        format!("{}{page}", self.root)
    }

    /// A link to a page with a query. Fields without a value are left out.
    pub(crate) fn with<'a>(
        &self,
        page: &str,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{page}{mark}{query}", self.root)
    }

    /// A link to the page of an event.
    pub(crate) fn event(&self, position: impl std::fmt::Display) -> String {
        self.to(&format!("events/{position}"))
    }

    /// A link to the page of a projection or policy.
    pub(crate) fn projection(&self, name: &str) -> String {
        self.to(&format!("projections/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(original: &str, inner: &str) -> String {
        Links::from_paths(original, inner).to("events")
    }

    #[test]
    fn links_are_relative_to_the_page() {
        assert_eq!(link("/", "/"), "./events");
        assert_eq!(link("/admin", "/"), "admin/events");
        assert_eq!(link("/admin/", "/"), "./events");
        assert_eq!(link("/a/b/admin/model", "/model"), "./events");
        assert_eq!(link("/admin/events/7", "/events/7"), "../events");
        assert_eq!(link("/admin/projections/x/pause", "/projections/x/pause"), "../../events");
    }

    #[test]
    fn queries_are_encoded_without_empty_fields() {
        let links = Links::from_paths("/", "/");
        let link = links.with("events", [("tag", "a:<b>&c=d"), ("type", "")]);
        assert_eq!(link, "./events?tag=a%3A%3Cb%3E%26c%3Dd");
        assert_eq!(links.with("events", []), "./events");
    }
}
