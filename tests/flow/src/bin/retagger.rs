//! Adds the tags of orders to payments. The test kills it.

use annalist_flow_tests::retags::add_tags;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of the log is missing")?;
    add_tags(annalist::open(&url).await?).await?;
    Ok(())
}
