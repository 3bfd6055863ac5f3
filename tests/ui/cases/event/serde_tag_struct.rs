use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[serde(tag = "type")]
struct AccountOpened {
    owner: String,
}

fn main() {}
