use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefx = "account")]
enum AccountEvent {
    #[event(version = 0, name = "account opened")]
    Opened { owner: String },
    Moved(u64, u64),
    #[serde(skip)]
    Internal,
}

fn main() {
    let events = [AccountEvent::Internal];
    annalist_ui_tests::written(events);
}
