//! The prose of a file: comments of Rust and SQL, and the text of Markdown.

use crate::source::comment_or_literal;

/// Consecutive lines of prose, each with its number.
pub type Paragraph<'a> = Vec<(usize, &'a str)>;

/// The comments of a Rust file, without examples.
pub fn of_rust(source: &str) -> Vec<Paragraph<'_>> {
    let mut lines = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let skipped = comment_or_literal(rest);
        let name = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (text, after) = rest.split_at(skipped.max(name).max(first.len_utf8()));
        if skipped > 0 && text.starts_with('/') {
            lines.extend(text.lines().zip(line..).map(|(text, line)| (line, content(text))));
        }
        line += text.bytes().filter(|&byte| byte == b'\n').count();
        rest = after;
    }
    paragraphs(lines)
}

/// The line comments of an SQL file.
pub fn of_sql(source: &str) -> Vec<Paragraph<'_>> {
    let comments = source.lines().zip(1..).filter_map(|(text, line)| Some((line, text.split_once("--")?.1)));
    paragraphs(comments.collect())
}

/// The text of a Markdown file, without code blocks.
pub fn of_markdown(source: &str) -> Vec<Paragraph<'_>> {
    paragraphs(source.lines().zip(1..).map(|(text, line)| (line, text)).collect())
}

/// A line of a comment without its slashes.
fn content(line: &str) -> &str {
    line.trim_start().trim_start_matches('/').trim_start_matches(['!', '*'])
}

/// Splits at blank lines, at gaps between line numbers, and around fenced code, which is dropped.
fn paragraphs(lines: Vec<(usize, &str)>) -> Vec<Paragraph<'_>> {
    let mut paragraphs = vec![Vec::new()];
    let mut in_code = false;
    let mut before = 0;
    for (line, text) in lines {
        let is_fence = text.trim_start().starts_with("```");
        let is_gap = line > before + 1;
        before = line;
        in_code &= !is_gap;
        if is_gap || is_fence || text.trim().is_empty() {
            paragraphs.push(Vec::new());
        }
        in_code ^= is_fence;
        if let (false, false, Some(paragraph)) = (is_fence, in_code, paragraphs.last_mut()) {
            paragraph.push((line, text));
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}
