use annalist::prelude::*;

struct FindRows;

fn ask(app: &App) {
    let _ = app.ask(FindRows);
}

fn main() {}
