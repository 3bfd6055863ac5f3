use annalist::prelude::*;

#[derive(Field)]
enum Status {
    #[field(rename = "open")]
    Open,
}

fn main() {}
