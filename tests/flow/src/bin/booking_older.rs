//! The older of two programs on one log: books nights until it is refused, and prints a line for each.
#![allow(clippy::print_stdout)] // the test reads it

use annalist::{App, ExecuteError, Invalid};
use annalist_flow_tests::successors::{Booked, book_older, older};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of the log is missing")?;
    let app = App::builder(annalist::open(&url).await?).commands::<older::Book>().start().await?;
    for number in 0.. {
        match book_older(&app, &format!("r{}", number / 20), number % 20).await {
            Ok(receipt) => println!("booked at {}", receipt.position()),
            Err(ExecuteError::Rejected(Booked)) => println!("rejected"),
            Err(ExecuteError::Invalid(error @ Invalid::Superseded { .. })) => {
                println!("refused: {error}");
                break;
            }
            Err(error) => return Err(format!("{error:?}").into()),
        }
    }
    Ok(())
}
