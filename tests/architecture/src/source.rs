//! A minimal lexer for Rust: separates code from comments and literals.

/// A name, `::`, or another single character of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The characters of the token.
    pub text: &'a str,
    /// Its line, counted from 1.
    pub line: usize,
}

impl Token<'_> {
    /// Returns `true` for an identifier, a keyword or a number.
    pub fn is_name(&self) -> bool {
        self.text.starts_with(is_name_char)
    }
}

/// The tokens of a file up to its unit tests, which are the last item of a file and may use any module.
pub fn product_tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = tokens(source);
    let unit_tests = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let starts_here = |window: &[Token<'_>]| window.iter().map(|token| token.text).eq(unit_tests);
    if let Some(at) = tokens.windows(unit_tests.len()).position(starts_here) {
        tokens.truncate(at);
    }
    tokens
}

/// The code of a file, without comments, strings and characters.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let skipped = comment_or_literal(rest);
        let length = if skipped > 0 { skipped } else { token_length(rest, first) };
        let (text, after) = rest.split_at(length);
        if skipped == 0 && !first.is_whitespace() {
            tokens.push(Token { text, line });
        }
        line += text.bytes().filter(|&byte| byte == b'\n').count();
        rest = after;
    }
    tokens
}

fn token_length(text: &str, first: char) -> usize {
    if is_name_char(first) {
        return text.find(|c| !is_name_char(c)).unwrap_or(text.len());
    }
    if first.is_whitespace() {
        return text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
    }
    if text.starts_with("::") { 2 } else { first.len_utf8() }
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the comment or literal at the start of `text`; 0 if `text` starts with code.
pub(crate) fn comment_or_literal(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    // The prefixes of literals: b"…", c"…", r"…", br#"…"#.
    let unprefixed = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - unprefixed.len();
    if prefix > 1 {
        return 0;
    }
    if unprefixed.starts_with('"') {
        return prefix + quoted(unprefixed, '"');
    }
    if unprefixed.starts_with('\'') {
        return character(unprefixed).map_or(0, |length| prefix + length);
    }
    unprefixed.strip_prefix('r').and_then(raw).map_or(0, |length| prefix + 1 + length)
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text[at..];
        match rest {
            _ if rest.starts_with("/*") => (depth, at) = (depth + 1, at + 2),
            _ if rest.starts_with("*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += rest.chars().next().map_or(0, char::len_utf8),
        }
        if depth == 0 || at >= text.len() {
            return at;
        }
    }
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `'a'` and `'\n'` are characters; `'a` alone is a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut inside = text[1..].chars();
    let first = inside.next()?;
    (first == '\\' || inside.next() == Some('\'')).then(|| quoted(text, '\''))
}

/// The rest of a raw string after its `r`: `#"…"#` with any number of `#`.
fn raw(text: &str) -> Option<usize> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let inside = text[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(inside.find(&end).map_or(text.len(), |at| hashes + 1 + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_strings_and_characters_are_skipped() {
        let source = r###"
            a // crate::x
            /* crate::y /* nested */ still */ b
            "crate::\"z" c b"bytes" d r#"crate::"raw""# e '"' f '\'' g<'life> 'q'
        "###;
        assert_eq!(texts(source), ["a", "b", "c", "d", "e", "f", "g", "<", "'", "life", ">"]);
    }

    #[test]
    fn names_starting_like_literals_are_names() {
        assert_eq!(
            texts("b c r br bcr crate r#type"),
            ["b", "c", "r", "br", "bcr", "crate", "r", "#", "type"]
        );
    }

    #[test]
    fn lines_in_comments_and_strings_are_counted() {
        let found = tokens("a\n/* \n */ b \"\n\n\" c");
        let lines: Vec<usize> = found.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 5]);
    }

    #[test]
    fn product_tokens_end_before_unit_tests() {
        let found = product_tokens("fn a() {}\n#[cfg(test)]\nmod tests { use crate::app; }");
        assert!(found.iter().all(|token| token.text != "app"));
    }
}
