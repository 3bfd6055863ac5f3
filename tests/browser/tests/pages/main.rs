//! The inspector in Chromium: `cargo xtask test --only browser` installs what is missing and runs these tests.
//!
//! With `ANNALIST_SCREENSHOTS=1` they also write the pictures of `docs/inspector`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // tests

mod driver;

use std::{env, fs, path::Path, time::Duration};

use annalist_doc_tests::{Deposit, id};
use driver::Browser;
use fantoccini::Locator;

/// All pages, by the names of their pictures.
const PAGES: [(&str, &str); 14] = [
    ("overview", ""),
    ("events", "/events"),
    ("event", "/events/2"),
    ("aggregates", "/aggregates"),
    ("aggregate", "/aggregate?name=Account&id=bob"),
    ("projections", "/projections"),
    ("projection", "/projections/balances"),
    ("parked", "/parked"),
    ("journal", "/journal"),
    ("types", "/types"),
    ("model", "/model"),
    ("live", "/live"),
    ("nothing-found", "/events?type=none"),
    ("error", "/events/4711"),
];

/// The longest wait for a change of a page.
const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromedriver: cargo xtask test --only browser"]
async fn pages_are_accessible_in_light_and_dark_and_on_narrow_screens() {
    let axe =
        env::var("ANNALIST_AXE").expect("ANNALIST_AXE is the path of axe.min.js; `cargo xtask` sets it");
    let axe = fs::read_to_string(axe).unwrap();
    let browser = Browser::open().await;
    let mut failures = Vec::new();
    for (screen, width, scheme) in
        [("light", 1280, "light"), ("dark", 1280, "dark"), ("narrow", 360, "light")]
    {
        browser.show_as(width, scheme).await;
        for (name, path) in PAGES.iter().copied().chain([("correlation", "")]) {
            if name == "correlation" {
                browser.go("/events/1").await;
                let link = "return [...document.links].find(link => link.textContent === 'What belongs together').href";
                let link = browser.eval(link).await;
                browser.client.goto(link.as_str().unwrap()).await.unwrap();
            } else {
                browser.go(path).await;
            }
            let overflow =
                browser.eval("return document.documentElement.scrollWidth - window.innerWidth").await;
            if overflow.as_f64().unwrap() > 0.0 {
                failures.push(format!("{name} ({screen}) is {overflow} pixels too wide"));
            }
            browser.eval(&axe).await;
            let run = "const done = arguments[arguments.length - 1]; axe.run().then(result => done(result.violations.map(one => \
                       one.id + ': ' + one.nodes.map(node => node.html).slice(0, 2).join(' '))))";
            let violations = browser.client.execute_async(run, Vec::new()).await.unwrap();
            failures
                .extend(violations.as_array().unwrap().iter().map(|one| format!("{name} ({screen}): {one}")));
            if env::var_os("ANNALIST_SCREENSHOTS").is_some() {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/inspector");
                fs::create_dir_all(&folder).unwrap();
                fs::write(
                    folder.join(format!("{name}-{screen}.png")),
                    browser.client.screenshot().await.unwrap(),
                )
                .unwrap();
            }
        }
    }
    browser.close().await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromedriver: cargo xtask test --only browser"]
async fn control_axe_finds_a_picture_without_a_text() {
    let axe = fs::read_to_string(env::var("ANNALIST_AXE").unwrap()).unwrap();
    let browser = Browser::open().await;
    browser.go("").await;
    browser.eval("document.querySelector('main').append(document.createElement('img'))").await;
    browser.eval(&axe).await;
    let run = "const done = arguments[arguments.length - 1]; axe.run().then(result => done(result.violations.map(one => one.id)))";
    let violations = browser.client.execute_async(run, Vec::new()).await.unwrap();
    browser.close().await;
    assert!(violations.as_array().unwrap().iter().any(|one| one == "image-alt"), "{violations}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromedriver: cargo xtask test --only browser"]
async fn projection_is_paused_and_resumed_by_keyboard_alone() {
    const ENTER: &str = "\u{e007}";
    const TAB: &str = "\u{e004}";
    let browser = Browser::open().await;
    browser.go("").await;
    let press = async |keys: &str| {
        browser.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    };
    // The first stop of the keyboard skips the navigation.
    press(TAB).await;
    assert_eq!(browser.eval("return document.activeElement.className").await, "skip");
    press(ENTER).await;
    // The next one is in the content; then the links of the table of projections follow.
    for _ in 0..30 {
        press(TAB).await;
        if browser.eval("return document.activeElement.textContent").await == "balances" {
            break;
        }
    }
    press(ENTER).await;
    browser.client.wait().at_most(TIMEOUT).for_element(Locator::Css("section.actions")).await.unwrap();
    for _ in 0..40 {
        press(TAB).await;
        if browser.eval("return document.activeElement.tagName + document.activeElement.textContent").await
            == "SUMMARYPause"
        {
            break;
        }
    }
    press(ENTER).await;
    press(TAB).await;
    press("a test by keyboard").await;
    press(ENTER).await;
    browser.client.wait().at_most(TIMEOUT).for_element(Locator::Css("[role=status].notice")).await.unwrap();
    let pause = browser
        .app
        .overview()
        .await
        .unwrap()
        .into_iter()
        .find(|one| one.name == "balances")
        .unwrap()
        .requests
        .pause;
    assert_eq!(pause.unwrap().reason, "a test by keyboard");
    browser
        .client
        .find(Locator::XPath("//button[text()='Resume']"))
        .await
        .unwrap()
        .send_keys(ENTER)
        .await
        .unwrap();
    let resumed = Locator::XPath("//*[@role='status' and contains(text(), 'resumed')]");
    browser.client.wait().at_most(TIMEOUT).for_element(resumed).await.unwrap();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromedriver: cargo xtask test --only browser"]
async fn live_page_shows_new_events_and_markup_never_runs() {
    let browser = Browser::open().await;
    browser.go("/live").await;
    let opened = Locator::XPath("//*[contains(text(), 'Following the log')]");
    browser.client.wait().at_most(TIMEOUT).for_element(opened).await.unwrap();
    browser
        .app
        .execute(Deposit { account: id("cay"), cents: 1 })
        .actor("<img src=x onerror=alert(2)>")
        .await
        .unwrap();
    let row = Locator::Css("table[data-live] tbody tr td.payload");
    browser.client.wait().at_most(TIMEOUT).for_element(row).await.unwrap();
    assert_eq!(browser.eval("return document.querySelectorAll('img').length").await, 0);
    for page in ["/events", "/projections/balances", "/journal"] {
        browser.go(page).await;
        assert!(browser.client.get_alert_text().await.is_err(), "{page}");
    }
    // The script adds a button that copies to each id.
    browser.go("/events/1").await;
    assert!(
        browser.eval("return document.querySelectorAll('button.copy').length").await.as_u64().unwrap() > 1
    );
    browser.close().await;
}
