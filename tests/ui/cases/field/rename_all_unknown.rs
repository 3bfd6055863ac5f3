use annalist::prelude::*;

#[derive(Field)]
#[field(rename_all = "snakecase")]
enum Status {
    Open,
}

fn main() {}
