//! What a process does until somebody puts an end to it: customers come, pay in, and pay to accounts that all share.

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

/// How many customers come at a time.
const TASKS: usize = 4;
/// The accounts that everybody pays to, in both processes: their decisions get in each other's way.
const SHARED: usize = 6;
/// Nothing takes as long; a busy machine may take its time.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// An account that everybody pays to.
pub fn shared(number: usize) -> AccountId {
    AccountId::from_inner(format!("shared{}", number % SHARED))
}

/// Opens the accounts that everybody pays to, unless they are there.
pub async fn prepare(app: &App) {
    for number in 0..SHARED {
        let open = Open { account: shared(number), owner: "everybody".to_owned() };
        match app.execute(open).await {
            Ok(_) | Err(ExecuteError::Rejected(BankError::Exists(_))) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Tells what happens, a line each: `done ID` for a command that was accepted, and `seen` when a customer's commands were
/// found in the rows and passed by the policy.
pub async fn run(app: &App, tell: fn(String)) {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let app = app.clone();
        tasks.spawn(async move {
            for number in task.. {
                customer(&app, number, tell).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn customer(app: &App, number: usize, tell: fn(String)) {
    let account = AccountId::from_inner(Uuid::now_v7().to_string());
    let open = Open { account: account.clone(), owner: "somebody".to_owned() };
    let deposit = Deposit { account: account.clone(), amount: Cents::new(10_00) };
    let transfer = Transfer { from: account.clone(), to: shared(number), amount: Cents::new(3_00) };
    send(app, BankCommand::Open(open), tell).await;
    send(app, BankCommand::Deposit(deposit), tell).await;
    let receipt = send(app, BankCommand::Transfer(transfer), tell).await;
    look(app, &account, &receipt).await;
    tell("seen".to_owned());
}

async fn send(app: &App, command: BankCommand, tell: fn(String)) -> Receipt {
    let id = Uuid::now_v7().to_string();
    let receipt = app.execute(command).id(id.clone()).await.unwrap();
    tell(format!("done {id}"));
    receipt
}

/// The rows show what was done. The bonus may be on its way, in this process or another one.
async fn look(app: &App, account: &AccountId, receipt: &Receipt) {
    let row = app.find::<Balance>(account).after(receipt).timeout(DEFAULT_TIMEOUT).await.unwrap();
    assert!(matches!(row.unwrap().cents, 7_00 | 12_00));
    let lines =
        app.list::<Line>().equal("account", account).after(receipt).timeout(DEFAULT_TIMEOUT).await.unwrap();
    assert!(matches!(lines.rows.len(), 3 | 4));
    app.wait_for_position("welcome_bonus", receipt, DEFAULT_TIMEOUT).await.unwrap();
}
