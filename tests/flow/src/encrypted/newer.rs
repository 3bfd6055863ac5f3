//! The newer program: the e-mail address of a customer is a secret.

use annalist::{Secret, prelude::*};

use super::CustomerId;

/// A customer.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "customer.registered", version = 2, upcast(1 => _))]
pub struct Registered {
    #[id]
    customer: CustomerId,
    #[secret(subject = customer)]
    email: Secret<String>,
    plan: String,
}

/// A customer, with the addresses that were registered.
#[derive(Aggregate, Serialize, Deserialize, Clone, Debug)]
#[aggregate(on(Registered => Customer::apply), snapshot(every = 1))]
pub struct Customer {
    #[id]
    id: CustomerId,
    /// The addresses. `None` for a forgotten one.
    pub emails: Vec<Option<String>>,
}

impl Customer {
    fn apply(&mut self, event: &Registered) {
        self.emails.push(event.email.known().cloned());
    }
}

/// Registers an address.
#[derive(Command, Serialize, Deserialize, Clone)]
#[command(decide = register)]
pub struct Register {
    /// The customer.
    #[id(Customer)]
    pub customer: CustomerId,
    /// The address.
    #[secret(subject = customer)]
    pub email: Secret<String>,
}

fn register(_: &Customer, command: &Register) -> Registered {
    Registered { customer: command.customer.clone(), email: command.email.clone(), plan: "free".to_owned() }
}

/// The last address of each customer.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "addresses", version = 2, on(Registered => Address::apply))]
pub struct Address {
    #[key]
    customer: CustomerId,
    /// The address.
    pub email: String,
}

impl Address {
    fn apply(&mut self, event: &Registered) {
        self.email = event.email.known().cloned().unwrap_or_else(|| "forgotten".to_owned());
    }
}
