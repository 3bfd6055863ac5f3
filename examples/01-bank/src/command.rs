//! The commands. Each names the function that decides it.

use annalist::{Secret, prelude::*};

use crate::{
    aggregate::{Account, Customer},
    decide,
    event::{AccountEvent, AccountId, CustomerId},
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

/// Registers a customer.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Customer::register)]
pub struct Register {
    /// The number of the new customer, which must not exist yet.
    #[id]
    pub customer: CustomerId,
    /// The name.
    #[secret(subject = customer)]
    pub name: Secret<String>,
    /// The e-mail address.
    #[secret(subject = customer)]
    pub email: Secret<String>,
}

/// Opens an account of a registered customer.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = decide::open_for)]
pub struct OpenFor {
    /// The customer.
    #[id(Customer)]
    pub customer: CustomerId,
    /// The name of the new account, which must not exist yet.
    #[id(Account)]
    pub account: AccountId,
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
    /// Registers a customer.
    Register(Register),
    /// Opens an account of a registered customer.
    OpenFor(OpenFor),
    /// Pays money in.
    Deposit(Deposit),
    /// Takes money out.
    Withdraw(Withdraw),
    /// Moves money.
    Transfer(Transfer),
    /// Closes an account.
    Close(Close),
}
