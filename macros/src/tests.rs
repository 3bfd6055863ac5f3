//! Compares the generated code with the formatted files in `expansions/`, so that a review shows how it changes.
//!
//! `UPDATE_EXPECT=1 cargo test -p annalist-macros` updates the files.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;
use syn::DeriveInput;

use crate::{aggregate, command, event, field, id, policy, projection, query};

#[track_caller]
fn check(derive: fn(&DeriveInput) -> TokenStream, item: TokenStream, expected: ExpectFile) {
    let item: DeriveInput = syn::parse2(item).unwrap();
    let generated = derive(&item);
    assert_calls_no_method(generated.clone());
    let file = syn::parse2(quote!(#item #generated)).unwrap();
    expected.assert_eq(&prettyplease::unparse(&file));
}

/// A trait of the user may have a method of any name, for any type: generated code calls functions by their path, and only
/// methods with reserved names.
#[track_caller]
fn assert_calls_no_method(generated: TokenStream) {
    let tokens: Vec<_> = generated.into_iter().collect();
    for three in tokens.windows(3) {
        if let [TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(arguments)] = three
            && dot.as_char() == '.'
            && arguments.delimiter() == Delimiter::Parenthesis
        {
            assert!(name.to_string().starts_with("__annalist_"), "generated code calls `.{name}(…)`");
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            assert_calls_no_method(group.stream());
        }
    }
}

#[test]
fn id_newtype() {
    let item = quote! {
        pub struct AccountId(Uuid);
    };
    check(id::derive, item, expect_file!["../expansions/id.rs"]);
}

#[test]
fn id_that_is_personal() {
    let item = quote! {
        #[id(secret, after_forget = "free")]
        pub struct Email(String);
    };
    check(id::derive, item, expect_file!["../expansions/id_secret.rs"]);
}

#[test]
fn event_struct() {
    let item = quote! {
        #[event(prefix = "order", version = 2, upcast(1 => _), alias("order.made", "order.created"))]
        pub struct OrderPlaced {
            #[id]
            order: OrderId,
            #[id(with = Line::products)]
            lines: Vec<Line>,
            note: String,
        }
    };
    check(event::derive, item, expect_file!["../expansions/event_struct.rs"]);
}

#[test]
fn event_enum() {
    let item = quote! {
        #[event(prefix = "account")]
        pub enum AccountEvent {
            Opened { #[id] account: AccountId, owner: String },
            #[event(name = "account.transferred")]
            Moved { #[id] from: AccountId, #[id] to: AccountId, amount: u64 },
            MonthClosed,
        }
    };
    check(event::derive, item, expect_file!["../expansions/event_enum.rs"]);
}

#[test]
fn event_sum() {
    let item = quote! {
        pub enum BankEvent {
            Account(AccountEvent),
            Closed { #[id] bank: BankId },
            Frozen(Frozen),
        }
    };
    check(event::derive, item, expect_file!["../expansions/event_sum.rs"]);
}

#[test]
fn event_generic() {
    let item = quote! {
        #[event(crate = crate::vendored::annalist)]
        pub enum Either<A, B, I> where I: Clone {
            Left(A),
            Right(B),
            Neither { #[id] id: I },
        }
    };
    check(event::derive, item, expect_file!["../expansions/event_generic.rs"]);
}

#[test]
fn aggregate_with_id() {
    let item = quote! {
        #[aggregate(on(AccountEvent => Account::apply, Frozen => freeze), error = AccountError)]
        pub struct Account {
            #[id]
            id: AccountId,
            open: bool,
            balance: u64,
        }
    };
    check(aggregate::derive, item, expect_file!["../expansions/aggregate.rs"]);
}

#[test]
fn aggregate_generic_in_context() {
    let item = quote! {
        #[aggregate(on(Added<T> => Self::added, Reset => Self::reset), context)]
        pub struct Total<T> {
            sum: T,
            count: u64,
        }
    };
    check(aggregate::derive, item, expect_file!["../expansions/aggregate_generic.rs"]);
}

#[test]
fn command_of_one_state() {
    let item = quote! {
        #[command(decide = Account::deposit)]
        pub struct Deposit {
            #[id]
            pub account: AccountId,
            pub amount: u64,
        }
    };
    check(command::derive, item, expect_file!["../expansions/command.rs"]);
}

#[test]
fn command_of_several_states() {
    let item = quote! {
        #[command(decide = orders::place, state(LastOrder), error = OrderError, context, name = "place an order")]
        pub struct PlaceOrder {
            #[id(Customer, Credit)]
            customer: CustomerId,
            #[id(Product)]
            products: Vec<ProductId>,
        }
    };
    check(command::derive, item, expect_file!["../expansions/command_states.rs"]);
}

#[test]
fn command_without_state() {
    let item = quote! {
        #[command(decide = ping)]
        struct Ping;
    };
    check(command::derive, item, expect_file!["../expansions/command_stateless.rs"]);
}

#[test]
fn command_enum() {
    let item = quote! {
        #[command(error = BankError)]
        pub enum BankCommand {
            Deposit(Deposit),
            Transfer(Transfer),
        }
    };
    check(command::derive, item, expect_file!["../expansions/command_enum.rs"]);
}

#[test]
fn projection_by_id() {
    let item = quote! {
        #[projection(name = "balances", version = 2, on(AccountEvent => Balance::apply, Renamed => rename by accounts))]
        pub struct Balance {
            #[key]
            pub account: AccountId,
            #[index]
            pub owner: String,
            pub cents: i64,
            #[json]
            pub r#type: AccountType,
        }
    };
    check(projection::derive, item, expect_file!["../expansions/projection.rs"]);
}

#[test]
fn projection_with_secrets() {
    let item = quote! {
        #[projection(name = "contacts", on(CustomerEvent => Contact::apply))]
        struct Contact {
            #[key]
            customer: CustomerId,
            #[secret(subject = customer, lookup)]
            email: Secret<String>,
            #[secret(subject = customer)]
            phone: Option<Secret<String>>,
        }
    };
    check(projection::derive, item, expect_file!["../expansions/projection_secret.rs"]);
}

#[test]
fn projection_generic_in_context() {
    let item = quote! {
        #[projection(name = "turnover", context, on(Sold<P> => Self::sold by Sold::key, Reset => Self::reset by resets))]
        pub struct Turnover<P> {
            #[key]
            product: P,
            cents: i64,
            #[key]
            country: String,
        }
    };
    check(projection::derive, item, expect_file!["../expansions/projection_generic.rs"]);
}

#[test]
fn field_enum() {
    let item = quote! {
        #[field(rename_all = "snake_case")]
        pub enum Status {
            Open,
            #[field(name = "locked")]
            Frozen,
            ClosedForGood,
        }
    };
    check(field::derive, item, expect_file!["../expansions/field_enum.rs"]);
}

#[test]
fn field_newtype() {
    let item = quote! {
        pub struct Cents(i64);
    };
    check(field::derive, item, expect_file!["../expansions/field_newtype.rs"]);
}

#[test]
fn field_generic() {
    let item = quote! {
        #[field(crate = crate::vendored::annalist)]
        pub struct Checked<T>(T) where T: Clone;
    };
    check(field::derive, item, expect_file!["../expansions/field_generic.rs"]);
}

#[test]
fn policy_of_several_events() {
    let item = quote! {
        #[policy(name = "welcome_bonus", from = now, on_reject = ignore, retry = 3, on_error = park, context)]
        #[policy(on(AccountEvent => WelcomeBonus::react, OrderPlaced => charge))]
        pub struct WelcomeBonus {
            payments: Arc<dyn Payments>,
        }
    };
    check(policy::derive, item, expect_file!["../expansions/policy.rs"]);
}

#[test]
fn policy_generic() {
    let item = quote! {
        #[policy(name = "thanks", from = beginning, on_reject = stop, on(Sold<P> => Self::sold, Reset => Self::reset))]
        pub struct Thanks<P>(P);
    };
    check(policy::derive, item, expect_file!["../expansions/policy_generic.rs"]);
}

#[test]
fn query_by_key() {
    let item = quote! {
        #[query(from = Turnover)]
        pub struct TurnoverOf {
            #[key]
            pub product: ProductId,
            #[key(r#type)]
            pub kind: String,
        }
    };
    check(query::derive, item, expect_file!["../expansions/query_by_key.rs"]);
}

#[test]
fn query_by_indexes() {
    let item = quote! {
        #[query(from = Balance, order = cents, descending, limit = 50)]
        pub struct RichOnes {
            #[equal]
            pub owner: String,
            #[at_least(cents)]
            pub from: Option<i64>,
            #[prefix(town)]
            pub start: Option<String>,
            #[one_of(town)]
            pub towns: Vec<Option<String>>,
            #[limit]
            pub limit: Option<usize>,
            #[cursor]
            pub cursor: Option<Cursor>,
        }
    };
    check(query::derive, item, expect_file!["../expansions/query_by_indexes.rs"]);
}

#[test]
fn query_generic() {
    let item = quote! {
        #[query(from = Turnover<P>)]
        pub struct Above<P> where P: Clone {
            #[above(product)]
            product: P,
            #[limit]
            limit: usize,
        }
    };
    check(query::derive, item, expect_file!["../expansions/query_generic.rs"]);
}

#[test]
fn item_with_a_mistake_becomes_a_stub() {
    let item = quote! {
        #[command(decides = "deposit")]
        pub struct Deposit {
            #[id]
            pub account: AccountId,
        }
    };
    check(command::derive, item, expect_file!["../expansions/stub.rs"]);
}
