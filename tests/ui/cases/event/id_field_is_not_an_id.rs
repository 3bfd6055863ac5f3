use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account")]
enum AccountEvent {
    Opened {
        #[id]
        account: u64,
        owner: String,
    },
}

fn main() {}
