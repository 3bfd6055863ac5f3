use annalist::prelude::*;

#[derive(Command)]
union Bits {
    int: u32,
    float: f32,
}

fn main() {}
