use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId, Frozen};

#[derive(Projection)]
#[projection(nam = "Balances", version = 0, on(AccountEvent, Frozen => Balance::freeze with account_of), context(all))]
struct Balance {
    #[key]
    #[index]
    account: AccountId,
    #[json("text")]
    Cents: i64,
}

impl Balance {
    fn freeze(&mut self, _: &Frozen) {}
}

fn look(id: &AccountId, _: AccountEvent) {
    let rows = annalist::testing::given(()).project::<Balance>();
    let _ = rows.row(id);
}

fn main() {}
