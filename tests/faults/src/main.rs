//! A process of the bank under load: `killed PLACE [FOLDER]`. With a folder it also runs the control, which keeps its rows there.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it talks to the test that kills it

use std::path::PathBuf;

use annalist_faults_tests::{apart, load, place::Place};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let place: Place = arguments.next().unwrap().parse().unwrap();
    let folder = arguments.next().map(PathBuf::from);
    let app = place.start().await.unwrap();
    load::prepare(&app).await;
    if let Some(folder) = folder {
        let app = app.clone();
        tokio::spawn(async move { apart::count(&app, &folder).await });
    }
    load::run(&app, |line| println!("<<{line}>>")).await;
}
