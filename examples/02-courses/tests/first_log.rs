//! The log that the first version of the program wrote is read by this one, on SQLite and on PostgreSQL.

fn main() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/first/README.md");
    annalist_transcript::check_first_log(readme, "courses", env!("CARGO_BIN_EXE_courses"), 2);
}
