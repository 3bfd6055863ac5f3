use annalist::prelude::*;

#[derive(Field)]
#[field(rename_all = "lowercase")]
enum Status {
    Open,
    OPEN,
    #[field(name = "open")]
    Reopened,
}

fn main() {}
