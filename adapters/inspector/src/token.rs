//! The token of forms, which another site cannot know: a random text in a cookie, and again in each form.

use axum::http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq;

/// The name of the only cookie.
const COOKIE: &str = "annalist_inspector_token";
/// The number of random bytes.
const BYTES: usize = 32;

/// The token of a browser.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    text: String,
    /// Whether the browser has no cookie yet.
    pub(crate) is_new: bool,
}

impl Token {
    /// The token of the cookie, or a new one. `None` if the system has no random bytes.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        match stored(headers) {
            Some(text) => Some(Self { text, is_new: false }),
            None => {
                let mut bytes = [0; BYTES];
                getrandom::fill(&mut bytes).ok()?;
                let text = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Some(Self { text, is_new: true })
            }
        }
    }

    /// The hidden field of a form.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The header that stores a new token in the browser.
    pub(crate) fn cookie(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{COOKIE}={}; Path=/; SameSite=Strict; HttpOnly", self.text)).ok()
    }
}

/// Whether a form with this token was sent by a page of the inspector: the cookie has the same token, and the browser does not say that
/// another site has sent it.
pub(crate) fn is_own_form(headers: &HeaderMap, token: &str) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let is_same_site = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
    let is_equal =
        stored(headers).is_some_and(|stored| bool::from(stored.as_bytes().ct_eq(token.as_bytes())));
    is_same_site && is_equal
}

/// The token of the cookie, if it has the form of one.
fn stored(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, text) = pairs.find(|(name, _)| *name == COOKIE)?;
    let is_token = text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str, site: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        headers
    }

    #[test]
    fn form_is_accepted_with_the_token_of_the_cookie_alone() {
        let token = "ab".repeat(BYTES);
        let cookie = format!("a=b; {COOKIE}={token}");
        assert!(is_own_form(&headers(&cookie, None), &token));
        assert!(is_own_form(&headers(&cookie, Some("same-origin")), &token));
        assert!(!is_own_form(&headers(&cookie, Some("cross-site")), &token));
        assert!(!is_own_form(&headers(&cookie, Some("same-site")), &token));
        assert!(!is_own_form(&headers(&cookie, None), &"cd".repeat(BYTES)));
        assert!(!is_own_form(&headers("a=b", None), ""));
        assert!(!is_own_form(&headers(&format!("{COOKIE}="), None), ""));
    }

    #[test]
    fn token_of_the_cookie_is_used_again() {
        let new = Token::of(&HeaderMap::new()).unwrap();
        assert!(new.is_new && new.as_str().len() == 2 * BYTES);
        let again = Token::of(&headers(&format!("{COOKIE}={}", new.as_str()), None)).unwrap();
        assert_eq!((again.as_str(), again.is_new), (new.as_str(), false));
        let other = Token::of(&headers(&format!("{COOKIE}=<script>"), None)).unwrap();
        assert!(other.is_new);
    }
}
