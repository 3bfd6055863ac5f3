//! Stored names: derived from Rust names, and checked by the rules of the log at compile time.

use std::fmt::Display;

use syn::LitStr;

use super::Errors;

/// How the words of a Rust name are joined in a stored one.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    /// `MoneyMoved` becomes `money-moved`.
    Kebab,
    /// `MoneyMoved` becomes `money_moved`.
    Snake,
}

/// A Rust type or variant name in another case. A run of capitals is one word: `HTTPCall` becomes `http-call`.
pub(crate) fn in_case(case: Case, name: &str) -> String {
    let separator = match case {
        Case::Kebab => '-',
        Case::Snake => '_',
    };
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, &letter) in letters.iter().enumerate() {
        if letter == '_' {
            if !out.is_empty() && !out.ends_with(separator) {
                out.push(separator);
            }
            continue;
        }
        if starts_word(&letters, i) && !out.is_empty() && !out.ends_with(separator) {
            out.push(separator);
        }
        out.extend(letter.to_lowercase());
    }
    if out.ends_with(separator) {
        out.pop();
    }
    out
}

fn starts_word(letters: &[char], i: usize) -> bool {
    let Some(before) = i.checked_sub(1).map(|i| letters[i]) else { return false };
    letters[i].is_uppercase()
        && (!before.is_uppercase() || letters.get(i + 1).is_some_and(|after| after.is_lowercase()))
}

/// Why a text cannot be the name of an event type; `None` if it can.
pub(crate) fn event_name_fault(name: &str) -> Option<&'static str> {
    if name.starts_with('$') {
        return Some("names that start with `$` are reserved for the log");
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("it must not contain white space or control characters");
    }
    name_fault(name)
}

/// Why a text cannot be the name of a command or of snapshots; `None` if it can.
fn name_fault(name: &str) -> Option<&'static str> {
    match name.len() {
        0 => Some("it must not be empty"),
        1..=200 if name.contains('\0') => Some("it must not contain NUL"),
        1..=200 => None,
        _ => Some("it must not be longer than 200 bytes"),
    }
}

/// Why a text cannot be the kind of an id; `None` if it can.
pub(crate) fn kind_fault(kind: &str) -> Option<String> {
    word_fault(kind, 64)
}

/// Why a text cannot be a lower case word of at most `limit` bytes; `None` if it can.
pub(crate) fn word_fault(word: &str, limit: usize) -> Option<String> {
    let lower = |c: char| c.is_ascii_lowercase();
    if word.len() > limit {
        return Some(format!("it must not be longer than {limit} bytes"));
    }
    if word.starts_with(lower) && word.chars().all(|c| lower(c) || c.is_ascii_digit() || c == '_') {
        return None;
    }
    Some("it must be a lower case word: `[a-z][a-z0-9_]*`".to_owned())
}

/// Why a text cannot be the name of a projection (and of its view) or of a policy; `None` if it can.
fn projection_fault(name: &str) -> Option<String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let table = name.rsplit_once("_v").is_some_and(|(_, numbers)| match numbers.split_once('_') {
        Some((version, build)) => is_number(version) && is_number(build),
        None => is_number(numbers),
    });
    match word_fault(name, 48) {
        None if table => Some(
            "names that end in `_v` and a number are reserved for tables: for a version write `version = 2`"
                .to_owned(),
        ),
        None if name.starts_with("sqlite_") => {
            Some("names that start with `sqlite_` are reserved for SQLite".to_owned())
        }
        fault => fault,
    }
}

pub(crate) fn check_event_name(name: &LitStr, errors: &Errors) {
    report("event name", name, event_name_fault(&name.value()), errors);
}

pub(crate) fn check_command_name(name: &LitStr, errors: &Errors) {
    report("command name", name, name_fault(&name.value()), errors);
}

pub(crate) fn check_snapshot_name(name: &LitStr, errors: &Errors) {
    report("snapshot name", name, name_fault(&name.value()), errors);
}

pub(crate) fn check_kind(kind: &LitStr, errors: &Errors) {
    report("kind", kind, kind_fault(&kind.value()), errors);
}

pub(crate) fn check_projection_name(name: &LitStr, errors: &Errors) {
    report("projection name", name, projection_fault(&name.value()), errors);
}

pub(crate) fn check_policy_name(name: &LitStr, errors: &Errors) {
    report("policy name", name, projection_fault(&name.value()), errors);
}

fn report(what: &str, name: &LitStr, fault: Option<impl Display>, errors: &Errors) {
    if let Some(fault) = fault {
        errors.at_span(name.span(), format_args!("{:?} is not a valid {what}: {fault}", name.value()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_names_are_split_into_words() {
        for (rust, kebab) in [
            ("Opened", "opened"),
            ("MoneyMoved", "money-moved"),
            ("HTTPCallMade", "http-call-made"),
            ("Item2Sold", "item2-sold"),
            ("AB", "ab"),
            ("Old_Name", "old-name"),
            ("__Hidden_", "hidden"),
            ("Eröffnet", "eröffnet"),
        ] {
            assert_eq!(in_case(Case::Kebab, rust), kebab);
            assert_eq!(in_case(Case::Snake, rust), kebab.replace('-', "_"));
        }
    }

    #[test]
    fn stored_names_follow_the_rules_of_the_log() {
        for good in ["account.opened", "konto.eröffnet", &"n".repeat(200)] {
            assert_eq!(event_name_fault(good), None, "{good}");
        }
        for bad in ["", "$gap", "account opened", "a\0b", "a\u{7}", "a\u{a0}b", &"é".repeat(101)] {
            assert!(event_name_fault(bad).is_some(), "{bad:?}");
        }
        for good in ["a", "account", "order_line2", &"k".repeat(64)] {
            assert_eq!(kind_fault(good), None, "{good}");
        }
        for bad in ["", "Account", "2nd", "_x", "a-b", "a:b", "é", &"k".repeat(65)] {
            assert!(kind_fault(bad).is_some(), "{bad:?}");
        }
        assert_eq!(name_fault("close the month"), None);
        for good in ["balances", "v1", "a_v", "a_v1b", "a_v1_b", &"p".repeat(48)] {
            assert_eq!(projection_fault(good), None, "{good}");
        }
        for bad in ["", "Balances", "balances_v2", "balances_v2_1", "sqlite_balances", "a.b", &"p".repeat(49)]
        {
            assert!(projection_fault(bad).is_some(), "{bad:?}");
        }
    }
}
