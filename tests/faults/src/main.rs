//! A process of the bank under load: `killed LOCATION [FOLDER]`. With a folder it also runs the control, which stores its
//! rows there.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it reports to the test that kills it

use std::path::PathBuf;

use annalist_faults_tests::{control, load, location::Location};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let location: Location = arguments.next().unwrap().parse().unwrap();
    let folder = arguments.next().map(PathBuf::from);
    let app = location.start().await.unwrap();
    load::prepare(&app).await;
    if let Some(folder) = folder {
        let app = app.clone();
        tokio::spawn(async move { control::count(&app, &folder).await });
    }
    load::run(&app, |line| println!("<<{line}>>")).await;
}
