use annalist::prelude::*;

#[derive(Field)]
struct Cents(#[field(name = "cents")] i64);

fn main() {}
