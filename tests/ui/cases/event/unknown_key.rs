use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefx = "account", since = 3)]
enum AccountEvent {
    Opened { owner: String },
}

fn main() {}
