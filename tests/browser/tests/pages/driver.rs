//! A headless browser, and the inspector that it shows.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use annalist::{Memory, app::Journal, inspector::Inspector, projection::ProjectionOptions};
use annalist_doc_tests::*;
use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::{ParseError, Url};

/// The driver, which ends with the test.
struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    fn start() -> Self {
        let program = env::var("ANNALIST_CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let started = Command::new(&program).arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut process = started.unwrap_or_else(|error| {
            panic!("`{program}` cannot be started: {error}; `cargo xtask test --only browser` installs it")
        });
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port =
            lines.filter_map(|line| Some(line.split_once("successfully on port ")?.1.to_owned())).next();
        let address =
            format!("http://127.0.0.1:{}", port.expect("the driver prints its port").trim_end_matches('.'));
        Self { process, address }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser at the pages of an application.
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) app: App,
    address: String,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) async fn open() -> Self {
        let (app, address) = serve().await;
        let (driver, profile) = (Driver::start(), tempfile::tempdir().unwrap());
        let profile_argument = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &profile_argument,
        ];
        let Value::Object(capabilities) = json!({ "goog:chromeOptions": { "args": arguments } }) else {
            unreachable!("it is an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.address)
            .await;
        Self { client: client.unwrap(), app, address, _driver: driver, _profile: profile }
    }

    pub(crate) async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.address)).await.unwrap();
    }

    /// The result of a script in the page.
    pub(crate) async fn eval(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// A screen of this width in light or dark.
    pub(crate) async fn show_as(&self, width: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.command("Emulation.setDeviceMetricsOverride", metrics).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    async fn command(&self, name: &'static str, parameters: Value) {
        self.client.issue_cmd(ChromeCommand { name, parameters }).await.unwrap();
    }

    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
    }
}

/// A command of the protocol of Chromium.
#[derive(Debug)]
struct ChromeCommand {
    name: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for ChromeCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (axum::http::Method, Option<String>) {
        let body = json!({ "cmd": self.name, "params": self.parameters });
        (axum::http::Method::POST, Some(body.to_string()))
    }
}

/// An application with events of callers and of a policy, and a parked event.
async fn serve() -> (App, String) {
    let app = App::builder(Memory::new())
        .commands::<Open>()
        .commands::<Deposit>()
        .projection::<Balance>()
        .projection_with::<Savings>(ProjectionOptions::new().park())
        .policy(WelcomeBonus)
        .journal(Journal::All)
        .start()
        .await
        .unwrap();
    for (account, owner) in
        [("ann", "Ann Lee"), ("bob", "Bob Marsh"), ("cay", "Cay <script>alert(1)</script>")]
    {
        app.execute(open(account, owner)).actor("teller").await.unwrap();
        app.execute(Deposit { account: id(account), cents: 2_500 }).actor("teller").await.unwrap();
    }
    app.execute(Deposit { account: id("bob"), cents: -700 }).actor("teller").await.unwrap();
    app.execute(open("ann", "Ann Lee")).actor("teller").await.unwrap_err();
    app.wait_until_caught_up().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/inspector", listener.local_addr().unwrap());
    let routes = axum::Router::new().nest("/inspector", Inspector::new(&app).allow_actions().router());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (app, address)
}
