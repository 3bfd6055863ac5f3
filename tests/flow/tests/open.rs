//! Opening stores by URL: the domain on each store, and the errors for unusable URLs.
#![allow(clippy::unwrap_used)] // in the helpers too

use annalist::{App, Error};
use annalist_flow_tests::domain::{Account, account, deposit, transfer_of};

async fn transfers_on(url: &str) {
    let app = App::builder(annalist::open(url).await.unwrap()).start().await.unwrap();
    app.execute(deposit("a", 10)).id("first").await.unwrap();
    app.execute(transfer_of("a", "b", 4)).actor("ann").await.unwrap();

    let second = App::builder(app.store().clone()).start().await.unwrap();
    second.execute(deposit("a", 10)).id("first").await.unwrap();
    assert_eq!(second.load::<Account>(&account("a")).await.unwrap().balance, 6);
    assert_eq!(second.load::<Account>(&account("b")).await.unwrap().balance, 4);
}

#[tokio::test]
async fn memory_store_opens_by_url() {
    transfers_on("memory:").await;
}

#[tokio::test]
async fn sqlite_store_opens_by_url() {
    let folder = tempfile::tempdir().unwrap();
    transfers_on(&format!("sqlite://{}", folder.path().join("bank.db").display())).await;
}

#[tokio::test]
async fn unknown_url_is_refused_with_the_supported_forms() {
    for url in ["", "bank.db", "mysql://localhost/bank", "://", "memory"] {
        let Err(error) = annalist::open(url).await else { panic!("{url} was opened") };
        assert!(matches!(error, Error::Unusable { .. }), "{error:?}");
        assert!(error.to_string().contains("sqlite://FILE"), "{error}");
    }
}

#[tokio::test]
async fn missing_server_is_unavailable() {
    // Port 1 is reserved: no server listens there.
    let Err(error) = annalist::open("postgres://nobody@127.0.0.1:1/nothing").await else {
        panic!("it was opened")
    };
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}
