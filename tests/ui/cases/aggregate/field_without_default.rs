use annalist::prelude::*;
use annalist_ui_tests::domain::AccountEvent;

enum Color {
    Red,
}

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Account::apply))]
struct Account {
    color: Color,
}

impl Account {
    fn apply(&mut self, _: &AccountEvent) {
        self.color = Color::Red;
    }
}

fn main() {}
