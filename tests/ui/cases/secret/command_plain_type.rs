use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id]
    customer: CustomerId,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = register)]
struct Register {
    customer: CustomerId,
    #[secret(subject = customer)]
    email: String,
}

fn register(command: &Register) -> Registered {
    Registered { customer: command.customer.clone() }
}

fn main() {}
