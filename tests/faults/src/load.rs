//! The work of a process until it is killed: it opens accounts, deposits money, and transfers some to shared accounts.

use std::time::Duration;

use annalist::{App, Receipt, prelude::*};
use bank::{
    command::{BankCommand, Deposit, Open, Transfer},
    decide::BankError,
    event::AccountId,
    money::Cents,
    projection::{Balance, Line},
};
use tokio::task::JoinSet;
use uuid::Uuid;

/// The number of concurrent customers.
const TASKS: usize = 4;
/// The number of accounts that all customers of both processes transfer to, so that their decisions conflict.
const SHARED: usize = 6;
/// Far longer than needed, for busy machines.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A shared account.
pub fn shared(number: usize) -> AccountId {
    AccountId::from_inner(format!("shared{}", number % SHARED))
}

/// Opens the shared accounts, unless they exist.
pub async fn prepare(app: &App) {
    for number in 0..SHARED {
        let open = Open { account: shared(number), owner: "shared".to_owned() };
        match app.execute(open).await {
            Ok(_) | Err(ExecuteError::Rejected(BankError::Exists(_))) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Reports each step as a line: `done ID` for an accepted command, and `seen` when the rows and the policy have handled
/// the commands of a customer.
pub async fn run(app: &App, report: fn(String)) {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let app = app.clone();
        tasks.spawn(async move {
            for number in task.. {
                customer(&app, number, report).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn customer(app: &App, number: usize, report: fn(String)) {
    let account = AccountId::from_inner(Uuid::now_v7().to_string());
    let open = Open { account: account.clone(), owner: "customer".to_owned() };
    let deposit = Deposit { account: account.clone(), amount: Cents::new(10_00) };
    let transfer = Transfer { from: account.clone(), to: shared(number), amount: Cents::new(3_00) };
    send(app, BankCommand::Open(open), report).await;
    send(app, BankCommand::Deposit(deposit), report).await;
    let receipt = send(app, BankCommand::Transfer(transfer), report).await;
    assert_rows(app, &account, &receipt).await;
    report("seen".to_owned());
}

async fn send(app: &App, command: BankCommand, report: fn(String)) -> Receipt {
    let id = Uuid::now_v7().to_string();
    let receipt = app.execute(command).id(id.clone()).await.unwrap();
    report(format!("done {id}"));
    receipt
}

/// Asserts that the rows include the commands. The bonus may be pending, in this process or another one.
async fn assert_rows(app: &App, account: &AccountId, receipt: &Receipt) {
    let row = app.find::<Balance>(account).after(receipt).timeout(DEFAULT_TIMEOUT).await.unwrap();
    assert!(matches!(row.unwrap().cents, 7_00 | 12_00));
    let lines =
        app.list::<Line>().equal("account", account).after(receipt).timeout(DEFAULT_TIMEOUT).await.unwrap();
    assert!(matches!(lines.rows.len(), 3 | 4));
    app.wait_for_position("welcome_bonus", receipt, DEFAULT_TIMEOUT).await.unwrap();
}
