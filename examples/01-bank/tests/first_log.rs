//! The log that the first version of the program wrote is read by this one.

#[test]
fn program_continues_its_first_log() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/first/README.md");
    annalist_transcript::check_with_log(readme, "bank", env!("CARGO_BIN_EXE_bank"), 6);
}
