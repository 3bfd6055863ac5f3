use annalist::{Secret, prelude::*};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(secret)]
struct Email(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id]
    customer: CustomerId,
    #[id]
    #[secret(subject = customer)]
    email: Secret<Email>,
}

fn main() {}
