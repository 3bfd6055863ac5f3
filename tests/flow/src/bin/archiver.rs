//! Archives an account into a file, or restores the first archive from it. The test kills it.

use annalist_flow_tests::archives::{archive, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (url, file) = arguments.next().zip(arguments.next()).ok_or("the URL and the file are missing")?;
    let app = start(annalist::App::builder(annalist::open(&url).await?)).await?;
    match arguments.next().as_deref() {
        Some("restore") => app.restore(1, &file).await?,
        _ => archive(&app, &["a"], file.as_ref()).await?,
    };
    Ok(())
}
