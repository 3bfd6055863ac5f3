use annalist::prelude::*;

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(Uuid);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")] // stored as `account.deposited` and `account.moved`
pub enum AccountEvent {
    Deposited {
        #[id]
        account: AccountId,
        amount: u64,
    },
    Moved {
        #[id]
        from: AccountId,
        #[id]
        to: AccountId,
        amount: u64,
    },
}

#[derive(Aggregate, Debug)]
#[aggregate(on(AccountEvent => Account::apply), error = AccountError)]
pub struct Account {
    #[id]
    id: AccountId,
    balance: u64,
}

impl Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited { amount, .. } => self.balance += amount,
            AccountEvent::Moved { from, amount, .. } if *from == self.id => self.balance -= amount,
            AccountEvent::Moved { amount, .. } => self.balance += amount,
        }
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = transfer)] // one decision over two accounts, all or nothing
pub struct Transfer {
    #[id(Account)]
    from: AccountId,
    #[id(Account)]
    to: AccountId,
    amount: u64,
}

fn transfer((from, to): (&Account, &Account), command: &Transfer) -> Result<AccountEvent, AccountError> {
    if from.id == to.id {
        return Err(AccountError::SameAccount);
    }
    if from.balance < command.amount {
        return Err(AccountError::Insufficient);
    }
    to.balance.checked_add(command.amount).ok_or(AccountError::TooMuch)?;
    Ok(AccountEvent::Moved { from: from.id, to: to.id, amount: command.amount })
}

// Part two: the rest of the program.

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AccountError {
    #[error("a transfer needs two accounts")]
    SameAccount,
    #[error("there is not enough money")]
    Insufficient,
    #[error("no account holds that much")]
    TooMuch,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Account::deposit)]
pub struct Deposit {
    #[id]
    account: AccountId,
    amount: u64,
}

impl Account {
    fn deposit(&self, command: &Deposit) -> Result<AccountEvent, AccountError> {
        self.balance.checked_add(command.amount).ok_or(AccountError::TooMuch)?;
        Ok(AccountEvent::Deposited { account: self.id, amount: command.amount })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = App::builder(annalist::open("memory:").await?).start().await?;
    let (ann, bob) = (AccountId::new(), AccountId::new());
    app.execute(Deposit { account: ann, amount: 100 }).await?;
    app.execute(Transfer { from: ann, to: bob, amount: 40 }).actor("ann").await?;

    let refused = app.execute(Transfer { from: bob, to: ann, amount: 41 }).await;
    println!("{}", refused.unwrap_err()); // there is not enough money
    println!("{}", app.load::<Account>(&bob).await?.balance); // 40
    for recorded in app.history::<AccountEvent>(&ann).await? {
        println!("{} {} {:?}", recorded.position, recorded.recorded_at, recorded.event);
    }
    Ok(())
}

#[test]
fn refuses_an_overdraft() {
    let (a, b) = (AccountId::new(), AccountId::new());
    annalist::testing::given(AccountEvent::Deposited { account: a, amount: 10 })
        .when(Transfer { from: a, to: b, amount: 40 })
        .then_err(AccountError::Insufficient);
}
