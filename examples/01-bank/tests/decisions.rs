//! The bank's decisions: given events, when a command is executed, then events or an error.
#![allow(clippy::unwrap_used)] // in helper functions too

use annalist::{Position, Secret, Timestamp, testing::given};
use bank::{
    aggregate::Account,
    command::{BankCommand, Close, Deposit, Import, Open, OpenFor, Register, Transfer, Withdraw},
    decide::BankError,
    event::{AccountEvent, AccountId, AccountOpened, CustomerEvent, CustomerId, Opened},
    money::Cents,
    projection::{Balance, CustomerAccount, Line},
};

fn id(name: &str) -> AccountId {
    name.parse().unwrap()
}

fn opened(name: &str) -> AccountEvent {
    AccountEvent::Opened(Opened { account: id(name), owner: format!("owner of {name}") })
}

fn deposited(name: &str, cents: u64) -> AccountEvent {
    AccountEvent::Deposited { account: id(name), amount: Cents::new(cents) }
}

fn transfer(from: &str, to: &str, cents: u64) -> Transfer {
    Transfer { from: id(from), to: id(to), amount: Cents::new(cents) }
}

#[test]
fn opens_an_account_once() {
    let open = Open { account: id("ann"), owner: "owner of ann".into() };
    given(()).when(open.clone()).then(opened("ann"));
    given(opened("ann")).when(open.clone()).then_err(BankError::Exists(id("ann")));
    given([opened("ann"), AccountEvent::Closed { account: id("ann") }])
        .when(open)
        .then_err(BankError::Exists(id("ann")));
}

#[test]
fn an_account_has_a_name_and_an_owner() {
    for (account, owner) in [("", "owner"), ("ann", "")] {
        given(()).when(Open { account: id(account), owner: owner.into() }).then_err(BankError::NoName);
    }
}

#[test]
fn money_needs_an_open_account() {
    let deposit = Deposit { account: id("ann"), amount: Cents::new(5) };
    given(()).when(deposit.clone()).then_err(BankError::NotOpen(id("ann")));
    given(opened("ann")).when(deposit).then(deposited("ann", 5));
    given(opened("ann"))
        .when(Deposit { account: id("ann"), amount: Cents::ZERO })
        .then_err(BankError::NoAmount);
}

#[test]
fn balance_above_the_maximum_is_rejected() {
    given([opened("ann"), deposited("ann", Cents::MAX.cents())])
        .when(Deposit { account: id("ann"), amount: Cents::new(1) })
        .then_err(BankError::TooMuch(id("ann")));
}

#[test]
fn withdrawal_up_to_the_balance_is_accepted() {
    let past = [opened("ann"), deposited("ann", 10)];
    given(past.clone())
        .when(Withdraw { account: id("ann"), amount: Cents::new(10) })
        .then(AccountEvent::Withdrawn { account: id("ann"), amount: Cents::new(10) })
        .then_state::<Account>(&id("ann"), |account| assert_eq!(account.balance, Cents::ZERO));
    given(past).when(Withdraw { account: id("ann"), amount: Cents::new(11) }).then_err(
        BankError::Insufficient { account: id("ann"), balance: Cents::new(10), amount: Cents::new(11) },
    );
}

#[test]
fn a_transfer_moves_money_in_both_accounts_at_once() {
    given([opened("ann"), opened("bob"), deposited("ann", 100)])
        .when(BankCommand::Transfer(transfer("ann", "bob", 40)))
        .then(AccountEvent::Moved { from: id("ann"), to: id("bob"), amount: Cents::new(40) })
        .then_state::<Account>(&id("ann"), |account| assert_eq!(account.balance, Cents::new(60)))
        .then_state::<Account>(&id("bob"), |account| assert_eq!(account.balance, Cents::new(40)));
}

#[test]
fn rejected_transfer_changes_no_account() {
    given([opened("ann"), deposited("ann", 100)])
        .when(transfer("ann", "bob", 40))
        .then_err(BankError::NotOpen(id("bob")));
    given([opened("ann"), deposited("ann", 100)])
        .when(transfer("ann", "ann", 40))
        .then_err(BankError::SameAccount);
    given([opened("ann"), opened("bob"), deposited("ann", 10)]).when(transfer("ann", "bob", 40)).then_err(
        BankError::Insufficient { account: id("ann"), balance: Cents::new(10), amount: Cents::new(40) },
    );
}

#[test]
fn only_an_empty_account_closes() {
    let close = Close { account: id("ann") };
    given([opened("ann"), deposited("ann", 1)])
        .when(close.clone())
        .then_err(BankError::NotEmpty { account: id("ann"), balance: Cents::new(1) });
    given(opened("ann")).when(close).then(AccountEvent::Closed { account: id("ann") });
}

#[test]
fn import_is_atomic() {
    let books = vec![opened("ann"), opened("bob"), deposited("ann", 5)];
    let import = Import { accounts: vec![id("ann"), id("bob")], books: books.clone() };
    given(()).when(import.clone()).then(books.clone());
    given(opened("bob")).when(import.clone()).then_err(BankError::Exists(id("bob")));
    let stranger = Import { accounts: vec![id("ann")], ..import };
    given(()).when(stranger).then_err(BankError::NotOpen(id("bob")));
}

#[test]
fn balances_follow_the_events() {
    let balance = |name: &str, cents| Balance { account: id(name), owner: format!("owner of {name}"), cents };
    let moved = AccountEvent::Moved { from: id("ann"), to: id("bob"), amount: Cents::new(40) };
    let past = given(([opened("ann"), opened("bob"), deposited("ann", 100)], moved));
    past.clone()
        .project::<Balance>()
        .row(&id("ann"))
        .eq(balance("ann", 60))
        .row(&id("bob"))
        .eq(balance("bob", 40));

    let withdrawn = AccountEvent::Withdrawn { account: id("bob"), amount: Cents::new(40) };
    let closed = AccountEvent::Closed { account: id("bob") };
    past.given([withdrawn, closed]).project::<Balance>().row(&id("bob")).none();
}

#[test]
fn a_transfer_is_a_line_in_both_statements() {
    let moved = AccountEvent::Moved { from: id("ann"), to: id("bob"), amount: Cents::new(40) };
    let line = |name: &str, what: &str, cents| Line {
        account: id(name),
        position: Position::new(2),
        time: Timestamp::EPOCH,
        actor: Some("ann".to_owned()),
        what: what.to_owned(),
        cents,
    };
    given(deposited("ann", 100))
        .by("ann")
        .given(moved)
        .project::<Line>()
        .row(&(id("ann"), Position::new(2)))
        .eq(line("ann", "to bob", -40))
        .row(&(id("bob"), Position::new(2)))
        .eq(line("bob", "from ann", 40));
}

fn number(number: &str) -> CustomerId {
    number.parse().unwrap()
}

fn carla() -> Secret<String> {
    Secret::new("Carla Diaz".to_owned())
}

fn registered(name: Secret<String>) -> CustomerEvent {
    let email = Secret::new("carla@example.org".to_owned());
    CustomerEvent::Registered { customer: number("1001"), name, email }
}

fn savings(name: Secret<String>) -> AccountOpened {
    AccountOpened { account: id("savings"), customer: number("1001"), name }
}

fn savings_opened() -> AccountEvent {
    AccountEvent::Opened(Opened { account: id("savings"), owner: "customer 1001".to_owned() })
}

#[test]
fn customer_is_registered_once() {
    let email = Secret::new("carla@example.org".to_owned());
    let register = Register { customer: number("1001"), name: carla(), email };
    given(()).when(register.clone()).then(registered(carla()));
    let exists = BankError::Registered(number("1001"));
    given(registered(carla())).when(register.clone()).then_err(exists.clone());
    given(registered(Secret::forgotten())).when(register.clone()).then_err(exists);
    let nameless = Register { name: Secret::new(String::new()), ..register };
    given(()).when(nameless).then_err(BankError::NoName);
}

#[test]
fn account_of_a_customer_has_their_name_as_a_secret_only() {
    let open = OpenFor { customer: number("1001"), account: id("savings") };
    given(()).when(open.clone()).then_err(BankError::NoCustomer(number("1001")));
    given(registered(carla())).when(open.clone()).then((savings(carla()), savings_opened()));
    given(registered(Secret::forgotten())).when(open.clone()).then_err(BankError::Forgotten(number("1001")));
    given(registered(carla())).given(savings_opened()).when(open).then_err(BankError::Exists(id("savings")));
}

#[test]
fn accounts_of_customers_have_a_row_with_the_name_until_they_are_closed() {
    let row = |name: Secret<String>| CustomerAccount {
        account: id("savings"),
        customer: Some(number("1001")),
        name: Some(name),
        cents: 700,
    };
    for name in [carla(), Secret::forgotten()] {
        given(savings(name.clone()))
            .given([savings_opened(), opened("other"), deposited("savings", 700), deposited("other", 100)])
            .project::<CustomerAccount>()
            .row(&id("savings"))
            .eq(row(name))
            .row(&id("other"))
            .none();
    }
    given(savings(carla()))
        .given([savings_opened(), AccountEvent::Closed { account: id("savings") }])
        .project::<CustomerAccount>()
        .row(&id("savings"))
        .none();
}
