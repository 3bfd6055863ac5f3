use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account")]
#[serde(untagged)]
enum AccountEvent {
    Opened { owner: String },
}

fn main() {}
