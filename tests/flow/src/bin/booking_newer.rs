//! The newer of two programs on one log: books nights that the older one does not book, in the same rooms.

use annalist::{App, ExecuteError};
use annalist_flow_tests::successors::{Booked, Newer, renamed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of the log is missing")?;
    let app = App::builder(annalist::open(&url).await?).commands::<renamed::Book>().start().await?;
    for number in 0..120 {
        match Newer::Renamed.book(&app, &format!("r{}", number / 2), 100 + number % 2).await {
            Ok(_) | Err(ExecuteError::Rejected(Booked)) => {}
            Err(error) => return Err(format!("{error:?}").into()),
        }
    }
    Ok(())
}
