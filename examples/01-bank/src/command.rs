//! What may be asked. Each command names the function that decides it.

use annalist::prelude::*;

use crate::{
    aggregate::Account,
    decide,
    event::{AccountEvent, AccountId},
    money::Cents,
};

/// Opens an account.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::open)]
pub struct Open {
    /// The name for it, which nobody may have yet.
    #[id]
    pub account: AccountId,
    /// Whose it will be.
    pub owner: String,
}

/// Pays money in.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit)]
pub struct Deposit {
    /// The account.
    #[id]
    pub account: AccountId,
    /// How much.
    pub amount: Cents,
}

/// Takes money out.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::withdraw)]
pub struct Withdraw {
    /// The account.
    #[id]
    pub account: AccountId,
    /// How much.
    pub amount: Cents,
}

/// Moves money: one decision over two accounts, all or nothing.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::transfer)]
pub struct Transfer {
    /// Where it goes out.
    #[id(Account)]
    pub from: AccountId,
    /// Where it comes in.
    #[id(Account)]
    pub to: AccountId,
    /// How much.
    pub amount: Cents,
}

/// Closes an empty account.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::close)]
pub struct Close {
    /// The account.
    #[id]
    pub account: AccountId,
}

/// Takes over accounts from the books of another bank: many events, one decision, all or nothing.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::import)]
pub struct Import {
    /// The accounts; nobody may have their names yet.
    #[id(Account)]
    pub accounts: Vec<AccountId>,
    /// What happened to them there, oldest first. It is believed.
    pub books: Vec<AccountEvent>,
}

/// Any of them: what a program outside would send.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
pub enum BankCommand {
    /// Opens an account.
    Open(Open),
    /// Pays money in.
    Deposit(Deposit),
    /// Takes money out.
    Withdraw(Withdraw),
    /// Moves money.
    Transfer(Transfer),
    /// Closes an account.
    Close(Close),
}
