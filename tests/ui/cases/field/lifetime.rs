use annalist::prelude::*;

#[derive(Field)]
struct Name<'a>(&'a str);

fn main() {}
