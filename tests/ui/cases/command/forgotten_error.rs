use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, AccountId};

#[derive(Debug)]
enum RoomError {
    Occupied,
}

#[derive(Aggregate)]
#[aggregate(on(AccountEvent => Room::apply))]
struct Room {
    #[id]
    id: AccountId,
    open: bool,
}

impl Room {
    fn apply(&mut self, _: &AccountEvent) {
        self.open = true;
    }

    fn open(&self, c: &Open) -> Result<AccountEvent, RoomError> {
        if self.open { Err(RoomError::Occupied) } else { Ok(AccountEvent::Opened { account: c.account }) }
    }
}

#[derive(Command, Serialize)]
#[command(decide = Room::open)]
struct Open {
    #[id]
    account: AccountId,
}

fn main() {}
