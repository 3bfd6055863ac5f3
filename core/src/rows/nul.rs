//! Texts with NUL in columns.
//!
//! An event may contain a text with NUL, which not every database can store in a column. A column stores `␀` (U+2400) in its place,
//! which is visible in the row. A text that contains `␀` itself, or the escape character `␛` (U+241B), has `␛` before
//! it. Texts remain different if they were, and are read back unchanged. No code is the start of another one, so that prefixes remain
//! prefixes. All other texts are stored as they are.

use std::borrow::Cow;

use crate::payload::Payload;

/// U+2400, SYMBOL FOR NULL.
const NUL: char = '\u{2400}';
/// U+241B, SYMBOL FOR ESCAPE.
const ESCAPE: char = '\u{241b}';
/// NUL in the strings of a JSON text.
const JSON_NUL: &str = "\\u0000";

/// The text as a column stores it.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.as_bytes().contains(&0) && !has_symbols(text) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    text.chars().for_each(|character| push_escaped(&mut escaped, character));
    Cow::Owned(escaped)
}

/// The text that a column stores as `stored`.
pub(crate) fn unescape(stored: String) -> String {
    if has_symbols(&stored) { unescaped(&stored, "\0") } else { stored }
}

/// The JSON text as a column stores it: with its strings escaped.
pub(crate) fn escape_json(json: Payload) -> Payload {
    let text = json.as_str();
    if !text.contains(JSON_NUL) && !has_symbols(text) {
        return json;
    }
    let (mut escaped, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '\\' if rest.starts_with(JSON_NUL) => {
                escaped.push(NUL);
                JSON_NUL.len()
            }
            // A backslash and the character after it, which may be a backslash too.
            '\\' => {
                let length = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
                escaped.push_str(&rest[..length]);
                length
            }
            character => {
                push_escaped(&mut escaped, character);
                character.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Payload::from_stored(escaped)
}

/// The JSON text that a column stores as `stored`.
pub(crate) fn unescape_json(stored: &str) -> Cow<'_, str> {
    if has_symbols(stored) { Cow::Owned(unescaped(stored, JSON_NUL)) } else { Cow::Borrowed(stored) }
}

fn has_symbols(text: &str) -> bool {
    text.contains(NUL) || text.contains(ESCAPE)
}

fn push_escaped(escaped: &mut String, character: char) {
    match character {
        '\0' => escaped.push(NUL),
        NUL | ESCAPE => escaped.extend([ESCAPE, character]),
        character => escaped.push(character),
    }
}

fn unescaped(stored: &str, nul: &str) -> String {
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        match character {
            NUL => text.push_str(nul),
            ESCAPE => text.extend(characters.next()),
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_visible_and_other_texts_are_unchanged() {
        assert_eq!(escape("a\0b"), "a\u{2400}b");
        assert_eq!(escape("\u{2400}\u{241b}"), "\u{241b}\u{2400}\u{241b}\u{241b}");
        for text in ["", "a", "é\u{1f}", "\u{2401}\u{241a}\u{241c}"] {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text));
        }
        let json = |text: &str| escape_json(Payload::parse(text).unwrap()).as_str().to_owned();
        assert_eq!(
            json(r#"{"a\u0000":"\\u0000 \\\u0000\n"}"#),
            "{\"a\u{2400}\":\"\\\\u0000 \\\\\u{2400}\\n\"}"
        );
    }

    /// All texts of up to three of these characters.
    fn texts(characters: &str) -> Vec<String> {
        let mut all = vec![String::new()];
        for start in 0..3 {
            let longest: Vec<String> =
                all.iter().filter(|text| text.chars().count() == start).cloned().collect();
            all.extend(longest.iter().flat_map(|text| characters.chars().map(move |c| format!("{text}{c}"))));
        }
        all
    }

    #[test]
    fn texts_are_read_back_and_prefixes_remain() {
        let texts = texts("\0\u{2400}\u{241b}a0");
        for text in &texts {
            let escaped = escape(text);
            assert!(!escaped.contains('\0'));
            assert_eq!(unescape(escaped.clone().into_owned()), *text);
            for other in &texts {
                assert_eq!(
                    escaped.starts_with(&*escape(other)),
                    text.starts_with(other),
                    "{text:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn json_texts_are_read_back_unchanged() {
        for text in texts("\0\u{2400}\u{241b}\\u\"\n") {
            let text = format!("{text}\\u0000");
            let stored = escape_json(Payload::encode("text", &[&text]).unwrap());
            let visible: [String; 1] = serde_json::from_str(stored.as_str()).unwrap();
            assert_eq!(visible, [escape(&text)]);
            let read: [String; 1] = serde_json::from_str(&unescape_json(stored.as_str())).unwrap();
            assert_eq!(read, [text]);
        }
    }
}
