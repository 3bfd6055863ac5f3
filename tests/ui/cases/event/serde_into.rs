use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize, Clone)]
#[event(prefix = "account")]
#[serde(into = "String", from = "String")]
enum AccountEvent {
    Opened { owner: String },
}

impl From<AccountEvent> for String {
    fn from(AccountEvent::Opened { owner }: AccountEvent) -> Self {
        owner
    }
}

impl From<String> for AccountEvent {
    fn from(owner: String) -> Self {
        Self::Opened { owner }
    }
}

fn main() {}
