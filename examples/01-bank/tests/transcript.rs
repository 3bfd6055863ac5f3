//! The transcript of the README is what the program prints.

#[test]
fn transcript_of_the_readme_matches_the_program() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    annalist_transcript::check(readme, "bank", env!("CARGO_BIN_EXE_bank"), 8);
}

#[test]
fn transcript_of_forgetting_and_operation_matches_the_program() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    annalist_transcript::check(readme, "bank", env!("CARGO_BIN_EXE_bank"), 21);
}
