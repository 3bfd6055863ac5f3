//! The older program: the e-mail address of a customer is a plain field.

use annalist::prelude::*;

use super::CustomerId;

/// A customer.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "customer.registered")]
pub struct Registered {
    #[id]
    customer: CustomerId,
    email: String,
    plan: String,
}

/// A customer, with the addresses that were registered.
#[derive(Aggregate, Serialize, Deserialize, Clone, Debug)]
#[aggregate(on(Registered => Customer::apply), snapshot(every = 1))]
pub struct Customer {
    #[id]
    id: CustomerId,
    /// The addresses.
    pub emails: Vec<String>,
}

impl Customer {
    fn apply(&mut self, event: &Registered) {
        self.emails.push(event.email.clone());
    }
}

/// Registers an address.
#[derive(Command, Serialize)]
#[command(decide = register)]
pub struct Register {
    /// The customer.
    #[id(Customer)]
    pub customer: CustomerId,
    /// The address.
    pub email: String,
}

fn register(_: &Customer, command: &Register) -> Registered {
    Registered { customer: command.customer.clone(), email: command.email.clone(), plan: "free".to_owned() }
}

/// The last address of each customer.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "addresses", on(Registered => Address::apply))]
pub struct Address {
    #[key]
    customer: CustomerId,
    /// The address.
    pub email: String,
}

impl Address {
    fn apply(&mut self, event: &Registered) {
        self.email.clone_from(&event.email);
    }
}

/// The event as a program of reports has it: the address is any JSON.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "customer.registered")]
pub struct Reported {
    #[id]
    customer: CustomerId,
    email: serde_json::Value,
}

/// The last address of each customer, as JSON.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "reports", on(Reported => Report::apply))]
pub struct Report {
    #[key]
    customer: CustomerId,
    /// The address.
    pub email: String,
}

impl Report {
    fn apply(&mut self, event: &Reported) {
        self.email = event.email.to_string();
    }
}
