use annalist::{Secret, prelude::*};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    customer: String,
    #[secret(subject = customer)]
    email: Secret<String>,
}

fn main() {}
