//! The spans of the steps of the engine.

use std::collections::BTreeSet;

use annalist::{App, Memory, raw::telemetry::SPANS};
use annalist_flow_tests::{
    domain::{deposit, transfer_of},
    policies::{First, Second},
    read_model::Balance,
};
use tracing::{Level, info_span};

use super::captured::{Captured, capture};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn only(captured: &Captured, name: &str) -> usize {
    let found = captured.named(name);
    assert_eq!(found.len(), 1, "{name}: {:?}", captured.spans());
    found[0]
}

#[tokio::test]
async fn command_has_its_steps_as_children_and_the_caller_as_parent() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    app.execute(deposit("ann", 5)).await.unwrap();
    let fresh = App::builder(app.store().clone()).start().await.unwrap();
    let (captured, _guard) = capture(Level::DEBUG);
    let caller = info_span!(target: "annalist_caller", "request");
    let execution = fresh.execute(deposit("ann", 7)).trace(TRACEPARENT);
    tracing::Instrument::instrument(async { execution.await.unwrap() }, caller).await;

    let (spans, command) = (captured.spans(), only(&captured, "annalist.command"));
    assert_eq!(spans[command].parent, Some(only(&captured, "request")));
    let fields = &spans[command].fields;
    let values = ["command", "traceparent", "outcome", "events", "position"].map(|name| fields.get(name));
    assert_eq!(values, ["deposit", TRACEPARENT, "accepted", "1", "3"]);
    for (step, field, value) in
        [("load", "events", "2"), ("load", "states", "1"), ("decide", "", ""), ("append", "events", "1")]
    {
        let index = only(&captured, &format!("annalist.{step}"));
        assert_eq!(spans[index].parent, Some(command), "{step}");
        assert_eq!(spans[index].fields.get(field), value, "{step}");
    }
}

#[tokio::test]
async fn command_span_says_how_the_command_ended() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let (captured, _guard) = capture(Level::INFO);
    app.execute(transfer_of("ann", "bob", 5)).await.unwrap_err();
    app.execute(deposit("ann", 5)).actor("").await.unwrap_err();
    app.execute(deposit("ann", 5)).trace("the caller's own words").await.unwrap_err();
    app.shut_down().await;
    app.execute(deposit("ann", 5)).await.unwrap_err();
    let spans = captured.spans();
    let outcomes: Vec<_> = spans.iter().map(|span| span.fields.get("outcome")).collect();
    assert_eq!(outcomes, ["rejected", "invalid", "invalid", "unavailable"]);
    assert!(spans.iter().all(|span| span.fields.get("traceparent").is_empty()), "{spans:?}");
}

/// The reaction to an event is no child of the command that appended it: that may have ended long ago, in another process.
#[tokio::test]
async fn what_follows_the_log_is_linked_and_no_child() {
    let (captured, _guard) = capture(Level::DEBUG);
    let builder = App::builder(Memory::new()).projection::<Balance>().policy(First).policy(Second);
    let app = builder.start().await.unwrap();
    app.execute(deposit("ann", 9)).trace(TRACEPARENT).await.unwrap();
    app.wait_until_caught_up().await.unwrap();

    let spans = captured.spans();
    let commands = captured.named("annalist.command");
    let [origin, of_first, of_second] = commands.as_slice() else { panic!("{spans:?}") };
    assert_eq!(captured.ancestors(*origin), [] as [usize; 0]);
    for (command, policy) in [(of_first, "first"), (of_second, "second")] {
        assert_eq!(spans[*command].fields.get("traceparent"), TRACEPARENT);
        let ancestors = captured.ancestors(*command);
        let [reaction, batch] = ancestors.as_slice() else { panic!("{ancestors:?} in {spans:?}") };
        assert!(spans[*reaction].is("annalist.policy") && spans[*batch].is("annalist.batch"));
        assert_eq!(spans[*reaction].fields.get("name"), policy);
        assert_eq!(spans[*reaction].fields.get("link"), TRACEPARENT);
    }
    let batches = captured.named("annalist.batch");
    assert!(!batches.is_empty());
    for batch in batches {
        assert_eq!(spans[batch].parent, None);
        assert!(["1", "2", "3"].contains(&spans[batch].fields.get("events")), "{:?}", spans[batch]);
    }
    for page in captured.named("annalist.feed_page") {
        let ancestors = captured.ancestors(page);
        assert!(!ancestors.iter().any(|index| commands.contains(index)), "{spans:?}");
    }
}

#[tokio::test]
async fn build_has_spans_for_its_batches_and_none_for_its_events() {
    const EVENTS: usize = 3000;
    let log = Memory::new();
    let app = App::builder(log.clone()).start().await.unwrap();
    for number in 0..EVENTS {
        app.execute(deposit(&format!("a{}", number % 50), 1)).await.unwrap();
    }
    let (captured, _guard) = capture(Level::TRACE);
    let app = App::builder(log).projection::<Balance>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let spans = captured.spans();
    let handled = captured.named("annalist.batch").into_iter();
    let handled: usize =
        handled.map(|batch| spans[batch].fields.get("events").parse::<usize>().unwrap()).sum();
    assert_eq!(handled, EVENTS);
    assert!(spans.len() < EVENTS / 100, "{} spans", spans.len());
}

/// `SPANS` and the page for users list what is emitted, and nothing else.
#[tokio::test]
async fn emitted_spans_are_listed_and_documented() {
    let page = include_str!("../../../../docs/telemetry.md");
    for span in SPANS {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", span.name)));
        let row = row.unwrap_or_else(|| panic!("`{}` is not in docs/telemetry.md", span.name));
        assert!(row.contains(&format!("| {} |", span.level.as_str().to_lowercase())), "{row}");
        for field in span.fields {
            assert!(row.contains(&format!("`{field}`")), "`{field}` in {row}");
        }
    }

    let (captured, _guard) = capture(Level::TRACE);
    let app = App::builder(Memory::new()).projection::<Balance>().policy(First).start().await.unwrap();
    app.execute(deposit("ann", 9)).await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    for span in captured.spans() {
        let listed = SPANS.iter().find(|listed| span.is(listed.name)).unwrap_or_else(|| panic!("{span:?}"));
        assert_eq!(listed.level, *span.metadata.level(), "{span:?}");
        let fields: Vec<_> = span.metadata.fields().iter().map(|field| field.name()).collect();
        assert_eq!(fields, listed.fields, "{span:?}");
    }
    let found: BTreeSet<_> = captured.spans().iter().map(|span| span.metadata.name()).collect();
    assert_eq!(found, SPANS.iter().map(|span| span.name).collect());
}
