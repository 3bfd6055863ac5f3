use annalist::prelude::*;

#[derive(Field)]
enum Status<const N: usize> {
    Open,
}

fn main() {}
