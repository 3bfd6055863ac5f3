use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Event, Serialize, Deserialize)]
#[secret(subject = customer)]
struct Registered {
    #[id]
    customer: CustomerId,
}

fn main() {}
