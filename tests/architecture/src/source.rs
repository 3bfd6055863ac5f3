//! Just enough of Rust's grammar to tell code from comments and strings.

/// A name, `::`, or one other character of code, and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What stands there.
    pub text: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl Token {
    /// Whether it is an identifier or a keyword.
    pub fn is_name(&self) -> bool {
        self.text.starts_with(is_name_char)
    }
}

/// The tokens before the unit tests, which may use whatever they like. They stand last in a file.
pub fn product_tokens(source: &str) -> Vec<Token> {
    let mut tokens = tokens(source);
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let unit_tests = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    if let Some(at) = texts.windows(unit_tests.len()).position(|window| window == unit_tests) {
        tokens.truncate(at);
    }
    tokens
}

/// The code of a file without comments, strings and characters.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let skipped = length_of_no_code(rest);
        let length = if skipped > 0 { skipped } else { length_of_token(rest, first) };
        let (text, after) = rest.split_at(length);
        if skipped == 0 && !first.is_whitespace() {
            tokens.push(Token { text: text.to_owned(), line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

fn length_of_token(text: &str, first: char) -> usize {
    if is_name_char(first) {
        return text.find(|c| !is_name_char(c)).unwrap_or(text.len());
    }
    if text.starts_with("::") { 2 } else { first.len_utf8() }
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How much of a comment or a literal the text begins with; 0 when it begins with code.
fn length_of_no_code(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    // The prefixes of literals: b"…", c"…", r"…", br#"…"#.
    let payload_only = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - payload_only.len();
    if prefix > 1 {
        return 0;
    }
    if payload_only.starts_with('"') {
        return prefix + quoted(payload_only, '"');
    }
    if payload_only.starts_with('\'') {
        return character(payload_only).map_or(0, |length| prefix + length);
    }
    payload_only.strip_prefix('r').and_then(raw).map_or(0, |length| prefix + 1 + length)
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

/// `'a'` and `'\n'` are characters, `'a` alone is a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut inside = text[1..].chars();
    let first = inside.next()?;
    (first == '\\' || inside.next() == Some('\'')).then(|| quoted(text, '\''))
}

/// After the `r`: `#"…"#` with any number of `#`.
fn raw(text: &str) -> Option<usize> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let inside = text[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(inside.find(&end).map_or(text.len(), |at| hashes + 1 + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_strings_and_characters_are_no_code() {
        let source = r###"
            a // crate::x
            /* crate::y /* nested */ still */ b
            "crate::\"z" c b"bytes" d r#"crate::"raw""# e '"' f '\'' g<'life> 'q'
        "###;
        assert_eq!(texts(source), ["a", "b", "c", "d", "e", "f", "g", "<", "'", "life", ">"]);
    }

    #[test]
    fn names_that_begin_like_literals_are_names() {
        assert_eq!(
            texts("b c r br bcr crate r#type"),
            ["b", "c", "r", "br", "bcr", "crate", "r", "#", "type"]
        );
    }

    #[test]
    fn lines_are_counted_over_everything() {
        let found = tokens("a\n/* \n */ b \"\n\n\" c");
        let lines: Vec<usize> = found.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 5]);
    }

    #[test]
    fn unit_tests_are_cut_off() {
        let found = product_tokens("fn a() {}\n#[cfg(test)]\nmod tests { use crate::app; }");
        assert!(found.iter().all(|token| token.text != "app"));
    }
}
