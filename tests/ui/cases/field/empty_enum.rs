use annalist::prelude::*;

#[derive(Field)]
enum Status {}

fn main() {}
