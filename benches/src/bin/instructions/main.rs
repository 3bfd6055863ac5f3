//! The program whose instructions are counted: it executes a number of commands. Either only the dispatch, through the derived code or
//! a hand-written `match`, where events stay typed and are neither encoded nor stored; or whole [`commands`]. Or it decodes a number of
//! events ([`decoding`]).
#![allow(clippy::print_stdout)] // a command line prints

mod commands;
mod decoding;

use std::{any::Any, fmt::Debug, hint::black_box, process::ExitCode};

use annalist::{
    Command as _, Context, Timestamp,
    manual::{Dispatcher, Handler, IntoEvents},
    prelude::*,
    store::Metadata,
};

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct AccountId(Uuid);

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(prefix = "account")]
enum AccountEvent {
    Deposited {
        #[id]
        account: AccountId,
        amount: u64,
    },
    Withdrawn {
        #[id]
        account: AccountId,
        amount: u64,
    },
}

#[derive(Debug)]
enum Refused {
    TooMuch,
    Insufficient,
}

#[derive(Aggregate, Debug)]
#[aggregate(on(AccountEvent => Account::apply), error = Refused)]
struct Account {
    #[id]
    id: AccountId,
    balance: u64,
}

impl Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited { amount, .. } => self.balance += amount,
            AccountEvent::Withdrawn { amount, .. } => self.balance -= amount,
        }
    }

    fn deposit(&self, command: &Deposit) -> Result<AccountEvent, Refused> {
        self.balance.checked_add(command.amount).ok_or(Refused::TooMuch)?;
        Ok(AccountEvent::Deposited { account: self.id, amount: command.amount })
    }

    fn withdraw(&self, command: &Withdraw) -> Result<AccountEvent, Refused> {
        self.balance.checked_sub(command.amount).ok_or(Refused::Insufficient)?;
        Ok(AccountEvent::Withdrawn { account: self.id, amount: command.amount })
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Account::deposit)]
struct Deposit {
    #[id]
    account: AccountId,
    amount: u64,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Account::withdraw)]
struct Withdraw {
    #[id]
    account: AccountId,
    amount: u64,
}

#[derive(Command, Serialize, Deserialize)]
#[command(error = Refused)]
enum AccountCommand {
    Deposit(Deposit),
    Withdraw(Withdraw),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [side, commands] = arguments.as_slice() else { return ExitCode::FAILURE };
    let Ok(commands) = commands.parse() else { return ExitCode::FAILURE };
    let result = match side.as_str() {
        "dispatched" => Ok(run(commands, dispatched)),
        "matched" => Ok(run(commands, matched)),
        "known-app" => commands::known_on_an_app(commands),
        "known-map" => commands::known_on_a_map(commands),
        "new-app" => commands::new_on_an_app(commands),
        "new-map" => commands::new_on_a_map(commands),
        "versioned" => decoding::versioned(commands),
        "unversioned" => decoding::unversioned(commands),
        _ => return ExitCode::FAILURE,
    };
    println!("{result:?}");
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

type Execute = fn(&mut Account, AccountCommand, &Context<'_>) -> Result<(), Refused>;

/// Both sides create and drop the same commands, and are called in the same way.
fn run(commands: usize, execute: Execute) -> u64 {
    let metadata = Metadata::default();
    let context = Context::decision(Timestamp::default(), &metadata);
    let id = AccountId(Uuid::nil());
    let mut account = Account { id, balance: 0 };
    for number in 0..commands {
        let command = if number % 3 == 2 {
            AccountCommand::Withdraw(Withdraw { account: id, amount: 1 })
        } else {
            AccountCommand::Deposit(Deposit { account: id, amount: 2 })
        };
        // Rejected commands count too.
        let _ = black_box(execute(&mut account, black_box(command), &context));
    }
    account.balance
}

#[inline(never)]
fn matched(account: &mut Account, command: AccountCommand, _: &Context<'_>) -> Result<(), Refused> {
    let event = match &command {
        AccountCommand::Deposit(command) => account.deposit(command)?,
        AccountCommand::Withdraw(command) => account.withdraw(command)?,
    };
    account.apply(&event);
    Ok(())
}

#[inline(never)]
fn dispatched(account: &mut Account, command: AccountCommand, context: &Context<'_>) -> Result<(), Refused> {
    command.dispatch(InMemory { account, context })
}

/// Decides on a state in memory, and folds the decided events into it.
struct InMemory<'a> {
    account: &'a mut Account,
    context: &'a Context<'a>,
}

impl Dispatcher for InMemory<'_> {
    type Out<E: Debug + Send + 'static> = Result<(), E>;

    fn run<C, S, R, E>(self, command: C, handler: Handler<C, S, R, E>) -> Result<(), E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        // This program uses only these types; the compiler removes the casts.
        let Some(state) = (self.account as &mut dyn Any).downcast_mut::<S>() else { return Ok(()) };
        let decided = (handler.decide)(state, &command, self.context)?;
        if let Some(event) = (&decided as &dyn Any).downcast_ref::<AccountEvent>() {
            self.account.apply(event);
        }
        Ok(())
    }

    fn map<A, B>(out: Result<(), A>, convert: fn(A) -> B) -> Result<(), B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        out.map_err(convert)
    }
}
