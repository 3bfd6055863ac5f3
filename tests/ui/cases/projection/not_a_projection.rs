use annalist::testing::given;
use annalist_ui_tests::domain::AccountId;

struct Balance {
    account: AccountId,
}

fn look() {
    let _ = given(()).project::<Balance>();
}

fn main() {}
