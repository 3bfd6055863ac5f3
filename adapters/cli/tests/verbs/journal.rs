//! `journal`.

use expect_test::expect;

use crate::bank::Bank;

#[tokio::test]
async fn commands_are_listed_with_their_outcomes() {
    let bank = Bank::new().await;
    bank.call(&["journal", "--after", "3"]).await.prints(expect![[r#"
        number  time                  command  id                                                                                                             actor                 outcome
        4       2026-01-02T00:00:00Z  deposit  policy/welcome_bonus/00000000000000000003/<id>/<id>/0  policy:welcome_bonus  accepted 4
        5       2026-01-02T00:00:00Z  open     open-b-again                                                                                                   ben                   rejected: AlreadyOpen
    "#]]);
    bank.call(&["journal", "--rejected"]).await.prints(expect![[r#"
        number  time                  command  id            actor  outcome
        5       2026-01-02T00:00:00Z  open     open-b-again  ben    rejected: AlreadyOpen
    "#]]);
    bank.call(&["journal", "--rejected", "--json"]).await.prints(expect![[r#"
        {"shape":1,"journal_entry":{"number":5,"recorded_at":"2026-01-02T00:00:00Z","metadata":{"command_id":"open-b-again","command":"open","correlation":"open-b-again","actor":"ben"},"outcome":{"rejected":"AlreadyOpen"},"command":{"account":"b","owner":"Bob"}}}
    "#]]);
    bank.call(&["journal", "--limit", "1"]).await.prints(expect![[r#"
        number  time                  command  id      actor  outcome
        1       2026-01-01T00:00:00Z  open     open-a  ann    accepted 1
    "#]]);
    bank.call(&["journal", "--limit", "0"]).await.prints(expect![[r#"
        no entries; an application writes them if `Builder::journal` says so
    "#]]);
}

#[tokio::test]
async fn empty_journal_says_how_to_write_one() {
    Bank::empty().call(&["journal"]).await.prints(expect![[r#"
        no entries; an application writes them if `Builder::journal` says so
    "#]]);
}
