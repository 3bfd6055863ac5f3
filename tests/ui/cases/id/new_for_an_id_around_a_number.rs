use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct OrderNumber(u64);

fn main() {
    let _ = OrderNumber::new();
}
