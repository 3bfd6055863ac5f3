use annalist::prelude::*;

#[derive(Field)]
struct Nothing;

fn main() {}
