//! Trace contexts of callers.

use std::sync::Arc;

use annalist::{
    App, Memory, Position, Tag,
    manual::Payload,
    store::{Append, Draft, Metadata, Name},
};
use annalist_flow_tests::{
    domain::{AccountEvent, account, deposit},
    policies::First,
    test_log::on_each_log,
};

#[tokio::test]
async fn invalid_trace_context_is_refused_before_anything_is_written() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    for text in ["", "17", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
        let error = app.execute(deposit("ann", 1)).trace(text).await.unwrap_err().to_string();
        assert!(error.contains(&format!("traceparent {text:?} is not valid")), "{error}");
        assert!(error.contains("W3C"), "{error}");
    }
    assert_eq!(app.store().settled().await.unwrap().position, Position::START);
}

/// Before trace contexts were checked, any text could be stored. It stops no policy, and is not passed on.
#[tokio::test]
async fn stored_text_that_is_no_trace_context_is_not_passed_on() {
    on_each_log(async |log| {
        let app = log.app().await.policy(First).start().await.unwrap();
        let data = Payload::parse(r#"{"account":"ann","amount":9}"#).unwrap();
        let event = Draft::new("account.deposited", 1, [Tag::of(&account("ann")).unwrap()], data).unwrap();
        let mut metadata = Metadata::default();
        metadata.trace = Some(Name::new("trace", "request 17").unwrap());
        metadata.correlation = Some(Name::new("correlation", "order-1").unwrap());
        let append = Append { events: vec![event], metadata: Arc::new(metadata), ..Append::default() };
        app.store().append_one(append).await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        let history = app.history::<AccountEvent>(&account("chain.1")).await.unwrap();
        let [reaction] = history.as_slice() else { panic!("{history:?}") };
        assert_eq!(reaction.metadata.trace, None);
        assert_eq!(reaction.metadata.correlation.as_ref().unwrap().as_str(), "order-1");
    })
    .await;
}
