use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(crate = analist)]
struct AccountOpened {
    owner: String,
}

fn main() {}
