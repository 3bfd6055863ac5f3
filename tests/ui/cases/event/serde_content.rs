use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account")]
#[serde(rename_all = "camelCase", tag = "type", content = "data")]
enum AccountEvent {
    Opened { owner: String },
}

fn main() {}
