//! `trace`.

use expect_test::expect;

use crate::bank::Bank;

#[tokio::test]
async fn what_followed_from_a_command_is_a_tree() {
    let bank = Bank::new().await;
    bank.call(&["trace", "campaign"]).await.prints(expect![[r#"
        open open-b by ben at 2026-01-02T00:00:00Z
          3 account.opened account:b
            deposit by policy:welcome_bonus at 2026-01-02T00:00:00Z
              4 account.deposited account:b
    "#]]);
    bank.call(&["trace", "campaign", "--json"]).await.prints(expect![[r#"
        {"shape":1,"trace":[{"command":"open","command_id":"open-b","actor":"ben","causation":null,"events":[{"position":3,"id":"<id>","type":"account.opened","version":1,"tags":["account:b"],"recorded_at":"2026-01-02T00:00:00Z","metadata":{"command_id":"open-b","command":"open","correlation":"campaign","actor":"ben"},"data":{"account":"b","owner":"Bob"}}]},{"command":"deposit","command_id":"policy/welcome_bonus/00000000000000000003/<id>/<id>/0","actor":"policy:welcome_bonus","causation":"<id>","events":[{"position":4,"id":"<id>","type":"account.deposited","version":1,"tags":["account:b"],"recorded_at":"2026-01-02T00:00:00Z","metadata":{"command_id":"policy/welcome_bonus/00000000000000000003/<id>/<id>/0","command":"deposit","correlation":"campaign","causation":"<id>","actor":"policy:welcome_bonus","hops":1},"data":{"account":"b","cents":100}}]}]}
    "#]]);
    // The correlation of a command to which none was given is its id.
    assert!(bank.call(&["trace", "open-a"]).await.out.contains("welcome_bonus"));
}

#[tokio::test]
async fn unknown_correlation_is_an_error() {
    let bank = Bank::new().await;
    bank.call(&["trace", "campain"]).await.fails(
        3,
        expect![[r#"
        error: no event has the correlation `campain`
    "#]],
    );
    bank.call(&["trace", "campaign", "--since", "2026-01-03T00:00:00Z"]).await.fails(
        3,
        expect![[r#"
        error: no event has the correlation `campaign`
    "#]],
    );
}
