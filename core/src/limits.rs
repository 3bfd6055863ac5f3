//! Size limits and rules for names, ids, tags and payloads. They are checked in the core, so that every store accepts and
//! rejects the same values.

use crate::error::Invalid;

/// Maximum length of the kind of an id, in bytes.
pub const MAX_KIND: usize = 64;
/// Maximum length of a tag (`kind:value`), in bytes.
pub const MAX_TAG: usize = 512;
/// Maximum length of a name (events, commands, actors) or of an id that the caller chooses (command ids, correlation ids),
/// in bytes.
pub const MAX_NAME: usize = 200;
/// Default maximum size of the payload of one event, in bytes: 4 MiB.
pub const MAX_PAYLOAD: usize = 4 * 1024 * 1024;
/// Maximum size of an append, in bytes: 256 MiB. All that is written counts: for each event its payload, name, tags and metadata,
/// and the journal entry. Databases limit the size of a statement; PostgreSQL to 1 GiB.
pub const MAX_APPEND: usize = 256 * 1024 * 1024;
/// Maximum number of positions without an event between two events of an import. A store may need a row for each of them.
pub const MAX_GAP: u64 = 1_000_000;

/// Checks a name or an id that the caller chooses: 1 to [`MAX_NAME`] bytes without NUL.
pub(crate) fn check_name(what: &'static str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(refuse(what, text, "it must not be empty"));
    }
    check_text(what, text, MAX_NAME)
}

/// Checks that a text has at most `limit` bytes and no NUL, which PostgreSQL cannot store.
pub(crate) fn check_text(what: &'static str, text: &str, limit: usize) -> Result<(), Invalid> {
    check_size(what, text, limit)?;
    // Without an early end, the compiler turns the loop into instructions for many bytes at a time.
    if text.bytes().fold(false, |found, byte| found | (byte == 0)) {
        return Err(refuse(what, text, "it must not contain NUL"));
    }
    Ok(())
}

/// Checks that a text has at most `limit` bytes.
pub(crate) fn check_size(what: &'static str, text: &str, limit: usize) -> Result<(), Invalid> {
    if text.len() > limit {
        return Err(Invalid::TooLarge {
            what: format!("{what} {:?}", shorten(text)),
            size: text.len(),
            limit,
        });
    }
    Ok(())
}

/// Checks the stored name of an event type: no white space, no control characters, and no `$` at the start, which marks events
/// of the log itself.
pub(crate) fn check_event_name(text: &str) -> Result<(), Invalid> {
    check_name("event name", text)?;
    if text.starts_with('$') {
        return Err(refuse("event name", text, "names that start with `$` are reserved for the log"));
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain && text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(refuse("event name", text, "it must not contain white space or control characters"));
    }
    Ok(())
}

/// Returns `true` if a text is a valid kind: `[a-z][a-z0-9_]*`, at most [`MAX_KIND`] bytes.
pub const fn is_kind(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_KIND || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut i = 1;
    while i < bytes.len() {
        if !(bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit() || bytes[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

/// The error for a text that breaks a rule.
pub(crate) fn refuse(what: &'static str, value: &str, rule: impl Into<String>) -> Invalid {
    Invalid::Text { what, value: shorten(value), rule: rule.into() }
}

/// The first 80 characters of a text, for messages.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_must_be_a_lower_case_identifier() {
        for good in ["a", "account", "order_line2", &"k".repeat(64)] {
            assert!(is_kind(good), "{good}");
        }
        for bad in ["", "Account", "2nd", "_x", "a-b", "a:b", "é", &"k".repeat(65)] {
            assert!(!is_kind(bad), "{bad}");
        }
    }

    #[test]
    fn names_of_wrong_length_or_characters_are_rejected() {
        assert!(check_name("actor", &"é".repeat(100)).is_ok());
        assert!(matches!(check_name("actor", &"é".repeat(101)), Err(Invalid::TooLarge { size: 202, .. })));
        assert!(check_name("actor", "").is_err());
        assert!(check_name("actor", "a\0b").is_err());
        assert!(check_event_name("$gap").is_err());
        assert!(check_event_name("account opened").is_err());
        assert!(check_event_name("konto.eröffnet").is_ok());
    }
}
