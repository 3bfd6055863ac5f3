use annalist_ui_tests::domain::{AccountEvent, AccountId};

struct Bonus;

fn look(account: AccountId) {
    let _ = annalist::testing::given(()).react(Bonus, AccountEvent::Opened { account });
}

fn main() {}
