//! A bank at the command line. Every call executes one command or query; the events are stored in `bank.db`.
//!
//! ```console
//! $ cargo run -p bank -- open ann "Ann Lee"
//! $ cargo run -p bank -- deposit ann 100
//! $ cargo run -p bank -- history ann
//! $ cargo run -p bank -- --help
//! ```
//!
//! The keys of customers are encrypted with the master key in `bank.key`, which the first call creates.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line prints

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use annalist::{
    App, Moment, Position, Projection, Secret, Timestamp,
    app::{Builder, Journal},
    cli::Verb,
    store::{Entry, Outcome},
};
use bank::{
    aggregate::Account,
    books,
    command::{BankCommand, Close, Deposit, Open, OpenFor, Register, Transfer, Withdraw},
    customers,
    event::{AccountEvent, AccountId, CustomerId, Opened},
    master_key,
    money::Cents,
    operate::{self, Failure},
    projection::{Balance, Line, v2},
    serve,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::net::TcpListener;

/// How long a command waits for the policy's reaction to it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// An event-sourced bank.
#[derive(Parser)]
#[command(name = "bank", version)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    program: Program,
}

#[derive(Args)]
struct Options {
    /// The store: `sqlite://FILE`, `postgres://…` or `memory:`.
    #[arg(long, default_value = "sqlite://bank.db", value_name = "URL", global = true)]
    store: String,
    /// The file of the master key, which is created if there is none. The variable `BANK_MASTER_KEY` replaces it.
    #[arg(long, default_value = "bank.key", value_name = "FILE", global = true)]
    key: PathBuf,
    /// The actor, recorded with every event.
    #[arg(long, default_value = "teller", global = true)]
    actor: String,
    /// Makes the command idempotent: the same id is accepted once.
    #[arg(long, global = true)]
    id: Option<String>,
    /// The version of the balances in this program; a newer version replaces an older one.
    #[arg(long, value_enum, default_value = "v1", global = true)]
    balances: Version,
}

#[derive(Subcommand)]
enum Program {
    #[command(flatten)]
    Bank(Action),
    /// Serve pages for a browser that show and operate the bank, until Ctrl-C.
    Serve {
        /// The address to listen at.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
    },
    /// Look into the log, and operate what other processes run.
    #[command(subcommand)]
    Admin(Verb),
}

#[derive(Clone, Copy, ValueEnum)]
enum Version {
    /// With the names of owners as given.
    V1,
    /// With the family names of owners first.
    V2,
}

#[derive(Subcommand)]
enum Action {
    /// Open an account under a name.
    Open { account: AccountId, owner: String },
    /// Pay money in.
    Deposit { account: AccountId, amount: Cents },
    /// Take money out.
    Withdraw { account: AccountId, amount: Cents },
    /// Move money between two accounts.
    Transfer { from: AccountId, to: AccountId, amount: Cents },
    /// Close an empty account.
    Close { account: AccountId },
    /// Register a customer under a number.
    Register { customer: CustomerId, name: String, email: String },
    /// Open an account of a registered customer under a name.
    OpenFor { customer: CustomerId, account: AccountId },
    /// List the accounts of registered customers, with their names.
    Customers,
    /// Print what is stored about a customer, for a request of access.
    PersonalData { customer: CustomerId },
    /// Forget a customer: their name and e-mail address cannot be read any more, their accounts and balances stay.
    Forget { customer: CustomerId },
    /// List when customers were forgotten, and by which actor.
    Erasures,
    /// List the open accounts.
    Accounts {
        /// The order.
        #[arg(long, value_enum, default_value = "name")]
        by: Order,
        /// The maximum number of accounts.
        #[arg(long, value_name = "N")]
        first: Option<usize>,
    },
    /// Show an account, now or as of an earlier moment.
    Statement {
        account: AccountId,
        /// A position (`7`) or a time (`2026-01-31T12:00:00Z`).
        #[arg(long, value_name = "MOMENT", value_parser = moment)]
        at: Option<Moment>,
    },
    /// List the events of an account, with times and actors.
    History { account: AccountId },
    /// List the statement of an account: the effect of each event.
    Lines { account: AccountId },
    /// List every command with its result.
    Journal,
    /// Import customers from another bank, with this many events in total.
    Fill { events: usize },
    /// Show the status of the read models and the policy.
    Overview,
    /// Rebuild a read model; the old rows serve queries until the new ones are complete.
    Rebuild { name: String },
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    /// By the account's name.
    Name,
    /// By its owner.
    Owner,
    /// By balance, the highest first.
    Balance,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { options, program } = Cli::parse();
    let outcome = match program {
        Program::Bank(action) => run(options, action).await.map(|text| {
            print!("{text}");
            ExitCode::SUCCESS
        }),
        Program::Serve { listen } => serve(options, listen).await.map(|()| ExitCode::SUCCESS),
        Program::Admin(verb) => admin(options, verb).await,
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        ExitCode::FAILURE
    })
}

/// Runs a verb of the library on the domain of this program.
async fn admin(Options { store, key, balances, .. }: Options, verb: Verb) -> Result<ExitCode, Failure> {
    let master = master_key::read_or_create(&key)?;
    let program = annalist::cli::program(move |builder: Builder| {
        let builder = builder.keys(master.clone());
        match balances {
            Version::V1 => bank::domain::<Balance>(builder),
            Version::V2 => bank::domain::<v2::Balance>(builder),
        }
    });
    Ok(program.execute(verb, &store).await)
}

/// Runs the bank with its inspector at `/`, and its health for orchestrators.
async fn serve(options: Options, listen: SocketAddr) -> Result<(), Failure> {
    let store = annalist::open(&options.store).await?;
    let builder = App::builder(store).keys(master_key::read_or_create(&options.key)?);
    let builder = match options.balances {
        Version::V1 => bank::domain::<Balance>(builder),
        Version::V2 => bank::domain::<v2::Balance>(builder),
    };
    let app = builder.journal(Journal::All).start().await?;
    let listener = TcpListener::bind(listen).await?;
    println!("the bank is at http://{}/ until Ctrl-C", listener.local_addr()?);
    let outcome = serve::serve(&app, listener).await;
    app.shut_down().await;
    outcome
}

async fn run(options: Options, action: Action) -> Result<String, Failure> {
    match options.balances {
        Version::V1 => run_with::<Balance>(options, action).await,
        Version::V2 => run_with::<v2::Balance>(options, action).await,
    }
}

async fn run_with<B: Projection + Into<Balance>>(
    options: Options,
    action: Action,
) -> Result<String, Failure> {
    let store = annalist::open(&options.store).await?;
    let builder = App::builder(store).keys(master_key::read_or_create(&options.key)?);
    let app = bank::domain::<B>(builder).journal(Journal::All).start().await?;
    let outcome = answer::<B>(&app, options, action).await;
    // Releases the policy, so that the next program runs it at once.
    app.shut_down().await;
    outcome
}

async fn answer<B: Projection + Into<Balance>>(
    app: &App,
    options: Options,
    action: Action,
) -> Result<String, Failure> {
    let command: BankCommand = match action {
        Action::Accounts { by, first } => return accounts::<B>(app, by, first.unwrap_or(usize::MAX)).await,
        Action::Statement { account, at } => return statement(app, account, at).await,
        Action::History { account } => return history(app, account).await,
        Action::Lines { account } => return lines(app, account).await,
        Action::Journal => return journal(app).await,
        Action::Fill { events } => return fill(app, events).await,
        Action::Overview => return operate::overview(app).await,
        Action::Rebuild { name } => return rebuild::<B>(app, &name).await,
        Action::Customers => return customers::list(app).await,
        Action::PersonalData { customer } => return Ok(app.personal_data(&customer).await?.to_string()),
        Action::Forget { customer } => return customers::forget(app, &customer, options.actor).await,
        Action::Erasures => return customers::erasures(app).await,
        Action::Register { customer, name, email } => {
            BankCommand::Register(Register { customer, name: Secret::new(name), email: Secret::new(email) })
        }
        Action::OpenFor { customer, account } => BankCommand::OpenFor(OpenFor { customer, account }),
        Action::Open { account, owner } => BankCommand::Open(Open { account, owner }),
        Action::Deposit { account, amount } => BankCommand::Deposit(Deposit { account, amount }),
        Action::Withdraw { account, amount } => BankCommand::Withdraw(Withdraw { account, amount }),
        Action::Transfer { from, to, amount } => BankCommand::Transfer(Transfer { from, to, amount }),
        Action::Close { account } => BankCommand::Close(Close { account }),
    };
    let mut execution = app.execute(command).actor(options.actor);
    if let Some(id) = options.id {
        execution = execution.id(id);
    }
    let receipt = execution.await?;
    // A policy runs only while a program runs: wait until it has handled the event.
    app.wait_for_position("welcome_bonus", &receipt, DEFAULT_TIMEOUT).await?;
    Ok(format!("done, at position {}\n", receipt.position()))
}

/// Waits until the read model has caught up, and reads it page by page.
async fn accounts<B: Projection + Into<Balance>>(
    app: &App,
    by: Order,
    first: usize,
) -> Result<String, Failure> {
    const PAGE: usize = 100;
    app.wait_until_caught_up().await?;
    let (mut lines, mut cursor) = (Vec::new(), None);
    loop {
        let list = app.list::<B>().limit(PAGE.min(first - lines.len()));
        let list = match by {
            Order::Name => list,
            Order::Owner => list.order_by("owner"),
            Order::Balance => list.order_by("cents").descending(),
        };
        let page = match cursor {
            Some(cursor) => list.from(cursor).await?,
            None => list.await?,
        };
        lines.extend(page.rows.into_iter().map(|row| balance(&row.into())));
        match page.next {
            Some(next) if lines.len() < first => cursor = Some(next),
            _ => return Ok(lines.concat()),
        }
    }
}

fn balance(row: &Balance) -> String {
    format!("{}: {}, owned by {}\n", row.account, row.amount(), row.owner)
}

async fn lines(app: &App, account: AccountId) -> Result<String, Failure> {
    app.wait_until_caught_up().await?;
    let (mut text, mut sum) = (String::new(), 0);
    let mut page = app.list::<Line>().equal("account", &account).await?;
    loop {
        for Line { time, what, cents, .. } in page.rows {
            sum += cents;
            text += &format!("{time}  {what:<24} {:>10} {:>10}\n", amount(cents), amount(sum));
        }
        match page.next {
            Some(next) => page = app.list::<Line>().equal("account", &account).from(next).await?,
            None => return Ok(text),
        }
    }
}

fn amount(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}", Cents::new(cents.unsigned_abs()))
}

async fn statement(app: &App, id: AccountId, at: Option<Moment>) -> Result<String, Failure> {
    let account = app.load::<Account>(&id);
    let account = match at {
        Some(moment) => account.at(moment).await?,
        None => account.await?,
    };
    Ok(line(&account))
}

fn line(Account { id, owner, open, balance }: &Account) -> String {
    match (open, owner.as_str()) {
        (_, "") => format!("{id}: no such account\n"),
        (true, owner) => format!("{id}: {balance}, owned by {owner}\n"),
        (false, owner) => format!("{id}: closed, was owned by {owner}\n"),
    }
}

async fn history(app: &App, id: AccountId) -> Result<String, Failure> {
    let mut text = String::new();
    for recorded in app.history::<AccountEvent>(&id).await? {
        let actor = recorded.metadata.actor.as_ref().map_or("nobody", |actor| actor.as_str());
        let what = describe(&recorded.event);
        text += &format!("{:>4}  {}  {actor:<20}  {what}\n", recorded.position, recorded.recorded_at);
    }
    Ok(text)
}

fn describe(event: &AccountEvent) -> String {
    match event {
        AccountEvent::Opened(Opened { owner, .. }) => format!("opened for {owner}"),
        AccountEvent::Deposited { amount, .. } => format!("deposited {amount}"),
        AccountEvent::Withdrawn { amount, .. } => format!("withdrew {amount}"),
        AccountEvent::Moved { from, to, amount } => format!("moved {amount} from {from} to {to}"),
        AccountEvent::Closed { .. } => "closed".to_owned(),
    }
}

async fn journal(app: &App) -> Result<String, Failure> {
    const PAGE: usize = 100;
    let (mut text, mut after) = (String::new(), 0);
    loop {
        let page = app.journal(after, PAGE).await?;
        page.iter().for_each(|entry| text += &journal_line(entry));
        match page.last() {
            Some(last) => after = last.number,
            None => return Ok(text),
        }
    }
}

fn journal_line(entry: &Entry) -> String {
    let Entry { number, recorded_at, metadata, body, outcome } = entry;
    let command = metadata.command.as_ref().map_or("?", |name| name.as_str());
    let actor = metadata.actor.as_ref().map_or("nobody", |actor| actor.as_str());
    let outcome = match outcome {
        Outcome::Accepted(_) => "accepted".to_owned(),
        Outcome::Rejected(error) => format!("rejected: {error}"),
    };
    format!("{number:>4}  {recorded_at}  {actor:<20}  {command} {body}  {outcome}\n")
}

async fn fill(app: &App, events: usize) -> Result<String, Failure> {
    let start = Instant::now();
    let customers = books::fill(app, events).await?;
    Ok(format!("{events} events of {customers} customers, in {:.1} s\n", start.elapsed().as_secs_f64()))
}

/// Queries the first entry of the list of owners in a loop, and prints the progress four times a second.
async fn rebuild<B: Projection + Into<Balance>>(app: &App, name: &str) -> Result<String, Failure> {
    const PAUSE: Duration = Duration::from_millis(250);
    let (start, mut shown) = (Instant::now(), Instant::now());
    let query = async || app.list::<B>().order_by("owner").limit(1).await.map(drop);
    let stats = operate::rebuild(app, name, query, |progress, stats| {
        if shown.elapsed() >= PAUSE {
            println!("{progress}; {stats}");
            shown = Instant::now();
        }
    });
    let stats = stats.await?;
    Ok(format!("the new build of `{name}` went live after {:.1} s; {stats}\n", start.elapsed().as_secs_f64()))
}

fn moment(text: &str) -> Result<Moment, String> {
    match text.parse() {
        Ok(number) => Ok(Position::new(number).into()),
        Err(_) => text.parse::<Timestamp>().map(Moment::from).map_err(|error| error.to_string()),
    }
}
