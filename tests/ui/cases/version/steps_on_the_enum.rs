use annalist::prelude::*;
use annalist_ui_tests::domain::Frozen;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account", upcast(1 => _), context)]
enum AccountEvent {
    Opened { owner: String },
    #[event(upcast(1 => _))]
    Frozen(Frozen),
}

fn main() {}
