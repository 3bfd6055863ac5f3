use annalist::prelude::*;

#[derive(Field)]
struct Names(Vec<String>);

fn main() {}
