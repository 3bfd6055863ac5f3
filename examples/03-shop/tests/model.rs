//! The model of the domain is the committed one. `UPDATE_EXPECT=1 cargo test -p shop --test model` writes it.
#![allow(clippy::unwrap_used)] // in the helper functions too

use std::sync::Arc;

use annalist::model::Model;
use expect_test::expect_file;
use shop::{gateway::FakeGateway, money::Cents};

#[test]
fn model_is_the_committed_one() {
    let model = Model::of(|builder| {
        let gateway = Arc::new(FakeGateway::new(Cents::MAX));
        shop::with_policies(shop::with_queries(builder), gateway)
    })
    .unwrap();
    expect_file!["../model/model.json"].assert_eq(&model.to_json());
    expect_file!["../model/model.mmd"].assert_eq(&model.to_mermaid());
    expect_file!["../model/catalogue.md"].assert_eq(&model.to_markdown());
}
