use annalist::prelude::*;

#[derive(Field)]
enum Status {
    #[field(name = "")]
    Open,
    #[field(name = "a\nb")]
    Closed,
}

fn main() {}
