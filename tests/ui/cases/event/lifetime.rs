use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
struct AccountOpened<'a> {
    owner: &'a str,
}

fn main() {}
