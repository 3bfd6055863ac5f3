//! The transcript of the README is what the program prints.

#[test]
fn transcript_of_the_readme_matches_the_program() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    annalist_transcript::check(readme, "guesthouse", env!("CARGO_BIN_EXE_guesthouse"), 21);
}
