use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id]
    customer: CustomerId,
    #[id]
    #[secret(subject = customer)]
    other: CustomerId,
}

fn main() {}
