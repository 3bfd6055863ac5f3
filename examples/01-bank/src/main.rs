//! A bank at the command line. Every call is one command or one question; the events stay in `bank.db`.
//!
//! ```console
//! $ cargo run -p bank -- open ann "Ann Lee"
//! $ cargo run -p bank -- deposit ann 100
//! $ cargo run -p bank -- history ann
//! $ cargo run -p bank -- --help
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line talks

use std::process::ExitCode;

use annalist::{
    App, Moment, Position, Timestamp,
    app::Journal,
    store::{Entry, Outcome},
};
use bank::{
    aggregate::Account,
    command::{BankCommand, Close, Deposit, Open, Transfer, Withdraw},
    event::{AccountEvent, AccountId},
    money::Cents,
    projection::{Balance, Line},
};
use clap::{Parser, Subcommand, ValueEnum};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A bank that forgets nothing.
#[derive(Parser)]
#[command(name = "bank", version)]
struct Cli {
    /// Where the events are: `sqlite://FILE`, `postgres://…` or `memory:`.
    #[arg(long, default_value = "sqlite://bank.db", value_name = "URL", global = true)]
    store: String,
    /// Who asks; recorded with every event.
    #[arg(long, default_value = "teller", global = true)]
    actor: String,
    /// Makes a command idempotent: the same id again does nothing again.
    #[arg(long, global = true)]
    id: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Open an account under a name.
    Open { account: AccountId, owner: String },
    /// Pay money in.
    Deposit { account: AccountId, amount: Cents },
    /// Take money out.
    Withdraw { account: AccountId, amount: Cents },
    /// Move money between two accounts, all or nothing.
    Transfer { from: AccountId, to: AccountId, amount: Cents },
    /// Close an empty account.
    Close { account: AccountId },
    /// List the open accounts.
    Accounts {
        /// In which order.
        #[arg(long, value_enum, default_value = "name")]
        by: Order,
    },
    /// Show an account, now or at an earlier moment.
    Statement {
        account: AccountId,
        /// A position (`7`) or a time (`2026-01-31T12:00:00Z`).
        #[arg(long, value_name = "MOMENT", value_parser = moment)]
        at: Option<Moment>,
    },
    /// Everything that happened to an account, with times and actors.
    History { account: AccountId },
    /// The statement of an account: what each event did to it.
    Lines { account: AccountId },
    /// Every command that was asked, with what became of it.
    Journal,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    /// By the account's name.
    Name,
    /// By its owner.
    Owner,
    /// Richest first.
    Balance,
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
    let app = App::builder(store)
        .journal(Journal::All)
        .projection::<Balance>()
        .projection::<Line>()
        .start()
        .await?;
    let command: BankCommand = match cli.action {
        Action::Accounts { by } => return accounts(&app, by).await,
        Action::Statement { account, at } => return statement(&app, account, at).await,
        Action::History { account } => return history(&app, account).await,
        Action::Lines { account } => return lines(&app, account).await,
        Action::Journal => return journal(&app).await,
        Action::Open { account, owner } => BankCommand::Open(Open { account, owner }),
        Action::Deposit { account, amount } => BankCommand::Deposit(Deposit { account, amount }),
        Action::Withdraw { account, amount } => BankCommand::Withdraw(Withdraw { account, amount }),
        Action::Transfer { from, to, amount } => BankCommand::Transfer(Transfer { from, to, amount }),
        Action::Close { account } => BankCommand::Close(Close { account }),
    };
    let mut execution = app.execute(command).actor(cli.actor);
    if let Some(id) = cli.id {
        execution = execution.id(id);
    }
    let receipt = execution.await?;
    Ok(format!("done, at position {}\n", receipt.position()))
}

/// A page at a time from the read model, once it has seen everything that happened before.
async fn accounts(app: &App, by: Order) -> Result<String, Failure> {
    app.caught_up().await?;
    let (mut text, mut cursor) = (String::new(), None);
    loop {
        let list = match by {
            Order::Name => app.list::<Balance>(),
            Order::Owner => app.list::<Balance>().order_by("owner"),
            Order::Balance => app.list::<Balance>().order_by("cents").descending(),
        };
        let page = match cursor {
            Some(cursor) => list.from(cursor).await?,
            None => list.await?,
        };
        for row in page.rows {
            text += &format!("{}: {}, owned by {}\n", row.account, row.amount(), row.owner);
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(text),
        }
    }
}

async fn lines(app: &App, account: AccountId) -> Result<String, Failure> {
    app.caught_up().await?;
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
        text += &format!("{:>4}  {}  {actor:<8}  {what}\n", recorded.position, recorded.recorded_at);
    }
    Ok(text)
}

fn describe(event: &AccountEvent) -> String {
    match event {
        AccountEvent::Opened { owner, .. } => format!("opened for {owner}"),
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
    format!("{number:>4}  {recorded_at}  {actor:<8}  {command} {body}  {outcome}\n")
}

fn moment(text: &str) -> Result<Moment, String> {
    match text.parse() {
        Ok(number) => Ok(Position::new(number).into()),
        Err(_) => text.parse::<Timestamp>().map(Moment::from).map_err(|error| error.to_string()),
    }
}
