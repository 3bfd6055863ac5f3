use annalist::{Secret, prelude::*};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct Email(String);

#[derive(Event, Serialize, Deserialize)]
struct Registered {
    #[id]
    email: Option<Secret<Email>>,
}

fn main() {}
