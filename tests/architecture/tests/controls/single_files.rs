//! Violations of the rules for single files.

use annalist_architecture::files;

#[test]
fn long_files_banned_macros_and_missing_files_are_found() {
    assert!(files::too_long("x.rs", &"\n".repeat(files::MAX_LINES)).is_some());
    assert!(files::too_long("x.rs", &"\n".repeat(files::MAX_LINES - 1)).is_none());

    let source = "fn f() {\n    dbg!(1);\n    todo!()\n}\n// dbg!(2)";
    let places: Vec<String> = files::banned("x.rs", source).into_iter().map(|v| v.place).collect();
    assert_eq!(places, ["x.rs:2", "x.rs:3"]);

    let mut names: Vec<String> = files::SQL_ADAPTER_FILES.map(str::to_owned).to_vec();
    assert!(files::missing_in_adapter("adapters/x", &names).is_empty());
    names.retain(|name| name != "feed.rs");
    assert_eq!(files::missing_in_adapter("adapters/x", &names)[0].found, "no feed.rs");
}
