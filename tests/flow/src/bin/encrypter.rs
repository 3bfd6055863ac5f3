//! Encrypts the stored addresses of customers in small steps. The test kills it.

use annalist_flow_tests::encrypted::{newer, start_newer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL is missing")?;
    let app = start_newer(annalist::App::builder(annalist::open(&url).await?)).await?;
    app.encrypt_stored::<newer::Registered>().actor("ann").events_per_step(5).await?;
    Ok(())
}
