//! Customers with an e-mail address and friends.

use annalist::{Secret, prelude::*};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CustomerId(pub(crate) String);

pub(crate) fn customer(name: &str) -> CustomerId {
    CustomerId(name.to_owned())
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "customer")]
pub(crate) enum CustomerEvent {
    Registered {
        #[id]
        customer: CustomerId,
        #[secret(subject = customer)]
        #[serde(rename = "mail")]
        email: Secret<String>,
        plan: String,
    },
    /// Of two subjects.
    Befriended {
        #[id]
        from: CustomerId,
        #[id]
        to: CustomerId,
        #[secret(subject = from)]
        from_note: Option<Secret<String>>,
        #[secret(subject = to)]
        to_notes: Vec<Secret<String>>,
    },
}

/// A customer. The length of the address is copied out of the secret.
#[derive(Aggregate, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[aggregate(on(CustomerEvent => Customer::apply), snapshot(every = 1))]
pub(crate) struct Customer {
    #[id]
    id: CustomerId,
    pub(crate) email: Option<Secret<String>>,
    pub(crate) copied: Option<String>,
    pub(crate) notes: Vec<Secret<String>>,
}

impl Customer {
    fn apply(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered { email, .. } => {
                self.copied = email.known().cloned();
                self.email = Some(email.clone());
            }
            CustomerEvent::Befriended { from, from_note, to_notes, .. } => {
                let own = *from == self.id;
                let notes = from_note.iter().filter(|_| own).chain(to_notes.iter().filter(|_| !own));
                self.notes.extend(notes.cloned());
            }
        }
    }

    fn register(&self, command: &Register) -> Result<CustomerEvent, AlreadyRegistered> {
        if self.email.is_some() {
            return Err(AlreadyRegistered);
        }
        let Register { customer, email } = command.clone();
        Ok(CustomerEvent::Registered { customer, email, plan: "free".into() })
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct AlreadyRegistered;

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Customer::register, error = AlreadyRegistered)]
pub(crate) struct Register {
    #[id]
    pub(crate) customer: CustomerId,
    #[secret(subject = customer)]
    pub(crate) email: Secret<String>,
}

pub(crate) fn register(name: &str) -> Register {
    Register { customer: customer(name), email: Secret::new(email_of(name)) }
}

pub(crate) fn email_of(name: &str) -> String {
    format!("{name}@example.org")
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = befriend)]
pub(crate) struct Befriend {
    pub(crate) from: CustomerId,
    pub(crate) to: CustomerId,
    #[secret(subject = from)]
    pub(crate) from_note: Option<Secret<String>>,
    #[secret(subject = to)]
    pub(crate) to_notes: Vec<Secret<String>>,
}

fn befriend(command: &Befriend) -> CustomerEvent {
    let Befriend { from, to, from_note, to_notes } = command.clone();
    CustomerEvent::Befriended { from, to, from_note, to_notes }
}

/// The address of a customer, copied out of the secret.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "addresses", on(CustomerEvent => Address::apply))]
pub(crate) struct Address {
    #[key]
    pub(crate) customer: CustomerId,
    pub(crate) email: String,
}

impl Address {
    fn apply(&mut self, event: &CustomerEvent) {
        if let CustomerEvent::Registered { email, .. } = event {
            self.email = email.known().cloned().unwrap_or_else(|| "forgotten".to_owned());
        }
    }
}
