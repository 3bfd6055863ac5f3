use annalist::prelude::*;
use annalist_ui_tests::domain::Frozen;

#[derive(Event, Serialize, Deserialize)]
enum AllEvents {
    Frozen(Frozen),
    #[event(name = "account.frozen")]
    Cold {
        owner: String,
    },
}

fn main() {}
