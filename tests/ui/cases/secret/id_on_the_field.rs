use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct Email(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id(secret)]
    email: Email,
}

fn main() {}
