use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account")]
enum AccountEvent {
    Opened { owner: String },
    #[event(name = "account.opened")]
    Created,
    #[event(alias = "account.opened")]
    Begun,
}

fn main() {}
