//! A hundred concurrent students and ten places, in memory and in a file.
#![allow(clippy::unwrap_used)] // in helper functions too

use std::process::Command;

fn race(store: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_courses"))
        .args(["--students", "100", "--capacity", "10", "--store", store])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const EXACTLY_TEN: &str = "10 students got in, 90 found it full; the course counts 10\n";

#[test]
fn accepted_students_equal_capacity_in_memory() {
    assert_eq!(race("memory:"), EXACTLY_TEN);
}

#[test]
fn accepted_students_equal_capacity_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(race(&format!("sqlite://{}", folder.path().join("courses.db").display())), EXACTLY_TEN);
}
