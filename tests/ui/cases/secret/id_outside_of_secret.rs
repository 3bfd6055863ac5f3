use annalist::prelude::*;

#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(secret)]
struct Email(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id]
    email: Email,
}

fn main() {}
