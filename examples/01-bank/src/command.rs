//! The commands. Each names the function that decides it.

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
    /// The name of the new account, which must not exist yet.
    #[id]
    pub account: AccountId,
    /// The owner.
    pub owner: String,
}

/// Pays money in.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit)]
pub struct Deposit {
    /// The account.
    #[id]
    pub account: AccountId,
    /// The amount.
    pub amount: Cents,
}

/// Takes money out.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::withdraw)]
pub struct Withdraw {
    /// The account.
    #[id]
    pub account: AccountId,
    /// The amount.
    pub amount: Cents,
}

/// Moves money: one atomic decision over two accounts.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::transfer)]
pub struct Transfer {
    /// The account that pays.
    #[id(Account)]
    pub from: AccountId,
    /// The account that receives.
    #[id(Account)]
    pub to: AccountId,
    /// The amount.
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

/// Imports accounts from another bank: many events in one atomic decision.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::import)]
pub struct Import {
    /// The accounts, which must not exist yet.
    #[id(Account)]
    pub accounts: Vec<AccountId>,
    /// Their history at the other bank, oldest event first. It is not checked.
    pub books: Vec<AccountEvent>,
}

/// Any command that a user can send.
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
