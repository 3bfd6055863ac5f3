//! The model of the fourth version is the committed one. `UPDATE_EXPECT=1 cargo test -p guesthouse --test model` writes it.
#![allow(clippy::unwrap_used)] // in the helper functions too

use annalist::model::Model;
use expect_test::expect_file;
use guesthouse::{Version, v4::V4};

#[test]
fn model_is_the_committed_one() {
    let model = Model::of(V4::register).unwrap();
    expect_file!["../model/model.json"].assert_eq(&model.to_json());
    expect_file!["../model/model.mmd"].assert_eq(&model.to_mermaid());
    expect_file!["../model/catalogue.md"].assert_eq(&model.to_markdown());
}
