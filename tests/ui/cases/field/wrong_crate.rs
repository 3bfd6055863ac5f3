use annalist::prelude::*;

#[derive(Field)]
#[field(crate = wrong::annalist)]
struct Cents(i64);

fn main() {}
