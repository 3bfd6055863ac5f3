use annalist::prelude::*;

#[derive(Field)]
struct Note(Option<String>);

fn main() {}
