use annalist::prelude::*;

#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(secret)]
struct Email(String);

#[derive(Event, Serialize, Deserialize)]
struct Counted {}

#[derive(Command, Serialize)]
#[command(decide = register)]
struct Register {
    #[id(secret)]
    email: Email,
}

fn register(_: &Register) -> Counted {
    Counted {}
}

fn main() {}
