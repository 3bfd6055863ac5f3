use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {
    #[id(with = "products")]
    lines: Vec<String>,
}

fn main() {}
