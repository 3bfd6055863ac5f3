use annalist::{Secret, prelude::*};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id]
    customer: CustomerId,
    #[secret(subjct = customer)]
    email: Secret<String>,
}

fn main() {}
