//! Retired names, in every place where a name can be.

use annalist_architecture::{allowed::Allowed, names::RetiredNames};

const LIST: &str =
    "# A comment\nLines  KeyedQueue\n=met  conflicting_position\ntold  reported\nhand_on  pass_to_next\n";

fn names<'a>(found: Vec<annalist_architecture::names::Found<'a>>) -> Vec<(&'a str, Option<usize>)> {
    found.into_iter().map(|found| (found.identifier, found.line)).collect()
}

#[test]
fn retired_names_are_found_in_rust() {
    let retired = RetiredNames::read(LIST);
    let source =
        "struct Lines;\nfn is_told() {}\nstruct ToldTwice { met: u64 }\nconst TOLD: u8 = 1;\nx.hand_on()";
    let expected = [
        ("Lines", Some(1)),
        ("is_told", Some(2)),
        ("ToldTwice", Some(3)),
        ("met", Some(3)),
        ("TOLD", Some(4)),
        ("hand_on", Some(5)),
    ];
    assert_eq!(names(retired.in_rust(source)), expected);
}

#[test]
fn other_names_strings_and_comments_are_not_reported() {
    let retired = RetiredNames::read(LIST);
    let source =
        "// told\nlet x = \"told\"; text.lines(); prerequisites_met; untold; second_hand_once; LinesOfCode";
    assert_eq!(names(retired.in_rust(source)), []);
}

#[test]
fn retired_names_are_found_in_sql() {
    let retired = RetiredNames::read(LIST);
    let source = "SELECT told -- told\n, 'told', 'it''s told' FROM handed, hand_on(met)";
    assert_eq!(names(retired.in_sql(source)), [("told", Some(1)), ("hand_on", Some(2)), ("met", Some(2))]);
}

#[test]
fn retired_names_are_found_in_file_names() {
    let retired = RetiredNames::read(LIST);
    assert_eq!(names(retired.in_path("core/src/told/x/is_told.rs")), [("is_told.rs", None)]);
    assert_eq!(names(retired.in_path("sql/07-hand-on.sql")), [("07-hand-on.sql", None)]);
    assert_eq!(names(retired.in_path("told/other.rs")), []);
}

#[test]
fn a_violation_names_the_replacement_and_the_line() {
    let retired = RetiredNames::read(LIST);
    let violation = retired.in_rust("\nfn told() {}")[0].violation("x.rs");
    assert_eq!((violation.place.as_str(), violation.found.as_str()), ("x.rs:2", "told"));
    assert!(violation.rule.contains("`told` is retired; use reported"), "{}", violation.rule);
}

#[test]
fn an_exception_covers_its_file_or_folder_and_its_entry() {
    let allowed = Allowed::read("# A comment\na/b.rs told # a reason\nc/ hand on\nd/ *\n");
    assert!(allowed.permits("a/b.rs", "told"));
    assert!(allowed.permits("c/d/e.rs", "hand on"));
    assert!(!allowed.permits("a/b.rs", "tell"));
    assert!(!allowed.permits("a/b.rs.rs", "told"));
    assert!(!allowed.permits("cc/d.rs", "hand on"));
    assert!(allowed.permits("d/e.rs", "told"));
}
