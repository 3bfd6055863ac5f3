//! Rows with secrets of customers.

use annalist::{Secret, prelude::*};

use super::super::domain::{CustomerEvent, CustomerId};

/// Passes the secrets on.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "contacts", on(CustomerEvent => Contact::apply))]
pub(crate) struct Contact {
    #[key]
    pub(crate) customer: CustomerId,
    #[secret(subject = customer, lookup)]
    pub(crate) email: Secret<String>,
    #[secret(subject = customer)]
    pub(crate) note: Option<Secret<String>>,
    pub(crate) events: i64,
}

impl Contact {
    fn apply(&mut self, event: &CustomerEvent) {
        self.events += 1;
        match event {
            CustomerEvent::Registered { email, .. } => self.email = email.clone(),
            CustomerEvent::Befriended { from, from_note, to_notes, .. } => {
                let own = *from == self.customer;
                self.note = if own { from_note.clone() } else { to_notes.last().cloned() };
            }
        }
    }
}

#[derive(Query)]
#[query(from = Contact)]
pub(crate) struct Contacts;

/// Copies a part of a secret, too.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "domains", reads_secrets, on(CustomerEvent => MailDomain::apply))]
pub(crate) struct MailDomain {
    #[key]
    pub(crate) customer: CustomerId,
    #[secret(subject = customer)]
    pub(crate) email: Secret<String>,
    pub(crate) domain: String,
}

impl MailDomain {
    fn apply(&mut self, event: &CustomerEvent) {
        if let CustomerEvent::Registered { email, .. } = event {
            self.email = email.clone();
            let domain = email.known().and_then(|email| email.split('@').nth(1));
            self.domain = domain.unwrap_or("forgotten").to_owned();
        }
    }
}

/// Copies a secret, and does not say so.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "leaks", on(CustomerEvent => Leak::apply))]
pub(crate) struct Leak {
    #[key]
    pub(crate) customer: CustomerId,
    #[secret(subject = customer)]
    pub(crate) email: Secret<String>,
    pub(crate) copy: String,
}

impl Leak {
    fn apply(&mut self, event: &CustomerEvent) {
        if let CustomerEvent::Registered { email, .. } = event {
            self.copy = email.known().cloned().unwrap_or_default();
            assert!(self.copy != "panics@example.org", "a panic with {}", self.copy);
        }
    }
}
