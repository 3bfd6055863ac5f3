use annalist::prelude::*;
use annalist_ui_tests::domain::*;

#[derive(Aggregate)]
#[aggregate(on(AccountEvent, Frozen => "frozen"), eror = String, context(yes))]
struct Savings {
    #[id]
    id: AccountId,
    #[id]
    parent: AccountId,
}

#[derive(Command, Serialize)]
#[command(decide = Savings::close, error = String)]
struct Close {
    #[id]
    account: AccountId,
}

impl Savings {
    fn close(&self, _: &Close) -> Result<AccountEvent, String> {
        Err("no".into())
    }
}

fn main() {}
