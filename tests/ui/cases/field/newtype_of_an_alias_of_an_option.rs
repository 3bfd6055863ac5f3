use annalist::prelude::*;

type Text = Option<String>;

#[derive(Field)]
struct Note(Text);

fn main() {}
