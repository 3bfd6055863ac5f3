use annalist::prelude::*;

#[derive(Serialize, Deserialize)]
struct Frozen {
    reason: String,
}

#[derive(Event, Serialize, Deserialize)]
enum AllEvents {
    Frozen(Frozen),
}

fn main() {}
