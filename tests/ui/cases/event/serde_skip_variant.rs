use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account")]
enum AccountEvent {
    #[serde(skip)]
    Internal,
    Opened {
        owner: String,
    },
}

fn main() {}
