//! Registered customers: their accounts, and the erasure of their names and addresses.

use annalist::{App, Id, Secret, keys::Erasure};

use crate::{event::CustomerId, operate::Failure, projection::CustomerAccount};

/// The accounts of registered customers, a line for each.
///
/// # Errors
/// Returns an error if the store fails.
pub async fn list(app: &App) -> Result<String, Failure> {
    app.wait_until_caught_up().await?;
    let list = || app.list::<CustomerAccount>().order_by("customer");
    let (mut text, mut page) = (String::new(), list().await?);
    loop {
        page.rows.iter().for_each(|row| text += &line(row));
        match page.next {
            Some(next) => page = list().from(next).await?,
            None => return Ok(text),
        }
    }
}

fn line(row: &CustomerAccount) -> String {
    let name = row.name.as_ref().and_then(Secret::known).map_or("forgotten", String::as_str);
    let customer = row.customer.as_ref().map_or("", |customer| customer.as_inner());
    format!("{customer}  {name:<16}  {}: {}\n", row.account, row.amount())
}

/// Forgets a customer in the events, and wherever a name or an address was copied to.
///
/// # Errors
/// Returns an error if the customer has no valid id, or a store fails: then it has to be repeated.
pub async fn forget(app: &App, customer: &CustomerId, actor: String) -> Result<String, Failure> {
    app.forget(customer).actor(actor).await?;
    Ok(format!("customer `{customer}` is forgotten\n"))
}

/// The records of erasures, a line for each. They name customers by a hash.
///
/// # Errors
/// Returns an error if the key store fails.
pub async fn erasures(app: &App) -> Result<String, Failure> {
    Ok(app.erasures().await?.iter().map(erasure).collect())
}

fn erasure(Erasure { subject, actor, erased_at, completed_at, .. }: &Erasure) -> String {
    let actor = actor.as_deref().unwrap_or("nobody");
    let state = completed_at.map_or("incomplete".to_owned(), |time| format!("complete at {time}"));
    let subject: String = subject.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{erased_at}  {actor:<16}  customer {subject}  {state}\n")
}
