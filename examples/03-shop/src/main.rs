//! A shop at the command line. Every call executes one command or query; the events are stored in `shop.db`.
//!
//! ```console
//! $ cargo run -p shop -- price tea 4.50
//! $ cargo run -p shop -- deliver tea 10
//! $ cargo run -p shop -- place first ann tea=2
//! $ cargo run -p shop -- orders ann
//! $ cargo run -p shop -- --help
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line prints

use std::{process::ExitCode, str::FromStr, sync::Arc};

use annalist::{
    App, Policy, Position,
    projection::{State as Doing, Status},
};
use clap::{Parser, Subcommand};
use shop::{
    command::{Basket, Deliver, Place, SetPrice},
    event::{CustomerId, OrderId, ProductId},
    gateway::FakeGateway,
    money::Cents,
    policy::{Fulfilment, Payments},
    projection::{LineRow, OrderRow, Shelf, State},
    query::{Again, BestSellers, OrderOf, OrdersOf, WholeStock},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An event-sourced shop.
#[derive(Parser)]
#[command(name = "shop", version)]
struct Cli {
    /// The store: `sqlite://FILE`, `postgres://…` or `memory:`.
    #[arg(long, default_value = "sqlite://shop.db", value_name = "URL", global = true)]
    store: String,
    /// The amount above which the payment gateway refuses.
    #[arg(long, default_value = "100.00", value_name = "AMOUNT", global = true)]
    limit: Cents,
    /// The number of calls for which the payment gateway is unavailable at first.
    #[arg(long, default_value_t = 0, value_name = "TIMES", global = true)]
    away: u32,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Set the price of a product.
    Price { product: ProductId, price: Cents },
    /// Add units to the stock of a product.
    Deliver { product: ProductId, count: u32 },
    /// Place an order and wait for its result.
    Place {
        order: OrderId,
        customer: CustomerId,
        /// The ordered products: `tea=2`.
        #[arg(required = true, value_name = "PRODUCT=COUNT")]
        wanted: Vec<Wanted>,
        /// Do not wait, as if the process died; the next call that waits for an order continues it.
        #[arg(long)]
        leave: bool,
    },
    /// Watch an order until it is final.
    Watch { order: OrderId },
    /// List the orders of a customer, the newest first.
    Orders {
        customer: CustomerId,
        /// Only orders in this state.
        #[arg(long)]
        state: Option<State>,
        /// The size of a page.
        #[arg(long, default_value_t = 50)]
        page: usize,
    },
    /// Show whether the stock suffices to place an order again.
    Again { order: OrderId },
    /// List the stock of each product.
    Stock,
    /// List the best-selling products.
    Best,
}

impl Action {
    /// Returns `true` if the call waits for an order, and therefore runs the policies.
    fn waits_for_order(&self) -> bool {
        matches!(self, Self::Place { leave: false, .. } | Self::Watch { .. })
    }
}

/// `tea=2`
#[derive(Clone)]
struct Wanted(ProductId, u32);

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (product, count) = text.split_once('=').ok_or("it looks like tea=2")?;
        let count = count.parse().map_err(|error| format!("how many? {error}"))?;
        Ok(Self(product.parse().map_err(|error| format!("which product? {error}"))?, count))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<String, Failure> {
    let store = annalist::open(&cli.store).await?;
    let mut builder = shop::with_queries(App::builder(store));
    if cli.action.waits_for_order() {
        let gateway = FakeGateway::new(cli.limit).away(cli.away);
        builder = shop::with_policies(builder, Arc::new(gateway));
    }
    let app = builder.start().await?;
    let outcome = answer(&app, cli.action).await;
    // Releases the policies, so that the next program runs them at once.
    app.shut_down().await;
    outcome
}

async fn answer(app: &App, action: Action) -> Result<String, Failure> {
    match action {
        Action::Price { product, price } => {
            app.execute(SetPrice { product: product.clone(), price }).await?;
            Ok(format!("{product}: {price}\n"))
        }
        Action::Deliver { product, count } => {
            app.execute(Deliver { product: product.clone(), count }).await?;
            Ok(format!("{product}: {count} more\n"))
        }
        Action::Place { order, customer, wanted, leave } => {
            let place = Place { order: order.clone(), customer, basket: basket(wanted)? };
            let placed = app.execute(place).await?.position();
            if leave { Ok(format!("{order}: placed\n")) } else { follow(app, order, placed, |_| {}).await }
        }
        Action::Watch { order } => {
            let known = app.store().settled().await?.position;
            follow(app, order, known, |row| print!("{}", order_line(row))).await
        }
        Action::Orders { customer, state, page } => orders(app, customer, state, page).await,
        Action::Again { order } => again(app, order).await,
        Action::Stock => stock(app).await,
        Action::Best => best(app).await,
    }
}

fn basket(wanted: Vec<Wanted>) -> Result<Basket, Failure> {
    let mut basket = Basket::default();
    for Wanted(product, count) in wanted {
        if let Some(_twice) = basket.0.insert(product.clone(), count) {
            return Err(format!("`{product}` is listed twice").into());
        }
    }
    Ok(basket)
}

/// Watches an order until it is final, and returns its line. Of states in quick succession it may see only the
/// last one.
async fn follow(
    app: &App,
    order: OrderId,
    after: Position,
    mut see: impl FnMut(&OrderRow),
) -> Result<String, Failure> {
    let mut watched = app.watch(OrderOf { order: order.clone() }).after(after);
    let mut seen = None;
    loop {
        let row = tokio::select! {
            row = watched.next() => row?.ok_or_else(|| format!("there is no order `{order}`"))?,
            failure = stop_reason(app, Fulfilment::NAME) => return Err(failure),
            failure = stop_reason(app, Payments::NAME) => return Err(failure),
        };
        if row.state.is_final() {
            return Ok(order_line(&row));
        }
        if seen.replace(row.state) != Some(row.state) {
            see(&row);
        }
    }
}

/// Returns the error of the policy when it stops, because orders are not processed without it.
async fn stop_reason(app: &App, policy: &str) -> Failure {
    match app.wait_until(policy, |status| matches!(status.state, Doing::Stopped(_))).await {
        Ok(Status { state: Doing::Stopped(stopped), .. }) => format!("`{policy}` {stopped}").into(),
        Ok(_) => format!("`{policy}` is stopped").into(),
        Err(error) => error.into(),
    }
}

/// Waits until the read model has caught up, and reads it page by page.
async fn orders(
    app: &App,
    customer: CustomerId,
    state: Option<State>,
    page: usize,
) -> Result<String, Failure> {
    app.wait_until_caught_up().await?;
    let mut question = OrdersOf { customer, state, page: Some(page), cursor: None };
    let mut text = String::new();
    loop {
        let page = app.ask(question.clone()).await?;
        text.extend(page.rows.iter().map(order_line));
        if page.next.is_none() {
            return Ok(text);
        }
        text += "--\n";
        question.cursor = page.next;
    }
}

fn order_line(OrderRow { order, state, total, lines, reason, .. }: &OrderRow) -> String {
    let lines: Vec<_> = lines.iter().map(|line| format!("{} {}", line.count, line.product)).collect();
    let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{order:<8} {state:<9} {:>8}  {}{reason}\n", amount(*total), lines.join(", "))
}

async fn again(app: &App, order: OrderId) -> Result<String, Failure> {
    app.wait_until_caught_up().await?;
    let answer = app.ask(Again { order: order.clone() }).await?;
    let answer = answer.ok_or_else(|| format!("there is no order `{order}`"))?;
    let lines = answer.order.lines.iter().zip(&answer.stock);
    let mut text: String = lines.map(|(line, shelf)| again_line(line, shelf)).collect();
    text += if answer.is_there_again() { "all there\n" } else { "not all there\n" };
    Ok(text)
}

fn again_line(LineRow { product, count, .. }: &LineRow, Shelf { available, .. }: &Shelf) -> String {
    format!("{product:<8} {count:>3} wanted, {available:>3} there\n")
}

async fn stock(app: &App) -> Result<String, Failure> {
    app.wait_until_caught_up().await?;
    let (mut text, mut question) = (String::new(), WholeStock::default());
    loop {
        let page = app.ask(question).await?;
        text.extend(page.rows.iter().map(shelf_line));
        match page.next {
            Some(next) => question = WholeStock { cursor: Some(next) },
            None => return Ok(text),
        }
    }
}

fn shelf_line(Shelf { product, price, available, reserved, sold, .. }: &Shelf) -> String {
    let price = price.map_or_else(|| "-".to_owned(), amount);
    format!("{product:<8} {price:>8}  {available:>3} there, {reserved:>3} reserved, {sold:>3} sold\n")
}

async fn best(app: &App) -> Result<String, Failure> {
    app.wait_until_caught_up().await?;
    let page = app.ask(BestSellers {}).await?;
    let line = |Shelf { product, sold, wanted, .. }: &Shelf| {
        format!("{product:<8} {sold:>3} sold, {wanted:>3} wanted\n")
    };
    Ok(page.rows.iter().map(line).collect())
}

fn amount(cents: i64) -> String {
    Cents::new(cents.unsigned_abs()).to_string()
}
