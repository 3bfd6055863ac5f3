use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id]
    customer: CustomerId,
}

#[derive(Event, Serialize, Deserialize)]
enum CustomerEvent {
    Registered(#[secret(subject = customer)] Registered),
}

fn main() {}
