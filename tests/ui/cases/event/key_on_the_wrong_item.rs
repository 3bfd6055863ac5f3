use annalist::prelude::*;
use annalist_ui_tests::domain::Frozen;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "account", version = 2)]
enum AccountEvent {
    #[event(prefix = "account")]
    Opened { owner: String },
    #[event(name = "account.frozen")]
    Frozen(Frozen),
}

fn main() {}
