use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
enum AccountEvent {
    #[event(name = "account opened")]
    Opened { owner: String },
    #[event(name = "$closed")]
    Closed,
    #[event(name = "")]
    Frozen,
    #[event(alias("moved", "mo\0ved"))]
    Moved,
}

fn main() {}
