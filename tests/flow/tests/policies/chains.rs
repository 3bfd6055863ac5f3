//! Policies that react to the events of policies.

use annalist::{App, raw::policy::MAX_HOPS};
use annalist_flow_tests::{
    domain::{AccountEvent, account, deposit},
    policies::{Echo, First, Second},
};

use super::{Store, balance, wait_until_stopped};

on_stores! {
    metadata_is_passed_along_a_chain_of_policies;
    policy_that_reacts_to_its_own_events_is_stopped;
    chain_is_stopped_at_the_configured_length;
}

async fn metadata_is_passed_along_a_chain_of_policies(store: Store) {
    let app = App::builder(store).policy(First).policy(Second).start().await.unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let execution = app.execute(deposit("ann", 9)).actor("ann").correlation("order-1").trace(trace);
    let receipt = execution.await.unwrap();
    app.wait_until_caught_up().await.unwrap();

    let history = app.history::<AccountEvent>(&account("chain.1")).await.unwrap();
    let [first] = history.as_slice() else { panic!("{history:?}") };
    let history = app.history::<AccountEvent>(&account("chain.2")).await.unwrap();
    let [second] = history.as_slice() else { panic!("{history:?}") };
    for (event, cause, policy, hops) in
        [(first, receipt.events[0].id, "first", 1), (second, first.id, "second", 2)]
    {
        let metadata = &event.metadata;
        let text = |name: &Option<_>| name.as_ref().map(ToString::to_string).unwrap();
        assert_eq!(text(&metadata.actor), format!("policy:{policy}"));
        assert_eq!(text(&metadata.causation), cause.to_string());
        let id = text(&metadata.command_id);
        assert!(
            id.starts_with(&format!("policy/{policy}/")) && id.contains(&cause.simple().to_string()),
            "{id}"
        );
        assert_eq!((text(&metadata.correlation), text(&metadata.trace)), ("order-1".into(), trace.into()));
        assert_eq!(metadata.hops, hops);
    }
}

async fn policy_that_reacts_to_its_own_events_is_stopped(store: Store) {
    let app = App::builder(store).policy(Echo).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    let stopped = wait_until_stopped(&app, "echo").await;
    assert!(stopped.error.starts_with("`echo` reacts to its own commands: 32 policies"), "{stopped}");
    assert_eq!(balance(&app, "echo").await, u64::from(MAX_HOPS));
}

async fn chain_is_stopped_at_the_configured_length(store: Store) {
    let app = App::builder(store).policy(Echo).max_hops(3).start().await.unwrap();
    app.execute(deposit("ann", 1)).await.unwrap();
    assert!(wait_until_stopped(&app, "echo").await.error.contains("3 policies in a row"));
    assert_eq!(balance(&app, "echo").await, 3);
}
