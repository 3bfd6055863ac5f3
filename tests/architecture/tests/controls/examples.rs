//! Examples that are not compiled.

use annalist_architecture::examples::ignored;

fn lines(place: &str, source: &str) -> Vec<String> {
    ignored(place, source).into_iter().map(|violation| violation.place).collect()
}

#[test]
fn ignored_examples_are_found_in_documentation_comments() {
    let source = "//! ```ignore\n//! x\n//! ```\n\n    /// ```rust,ignore\n    /// ```\n/// ~~~ignore-windows\n/// ~~~";
    assert_eq!(lines("x.rs", source), ["x.rs:1", "x.rs:5", "x.rs:7"]);
}

#[test]
fn ignored_examples_are_found_in_pages() {
    let source = "Text\n\n```rust, ignore\nx\n```\n\n- item\n  ```ignore\n  ```";
    assert_eq!(lines("x.md", source), ["x.md:3", "x.md:8"]);
}

#[test]
fn compiled_examples_code_and_prose_are_not_reported() {
    let source = "/// ```\n/// ignore();\n/// ```\n/// ```text\n/// ```\n// ```ignore\nlet x = \"```ignore\"; // ignore";
    assert_eq!(lines("x.rs", source), Vec::<String>::new());
    assert_eq!(lines("x.md", "```sh\nignore\n```\nPlease ignore `ignore`."), Vec::<String>::new());
}
