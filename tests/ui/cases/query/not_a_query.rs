use annalist::prelude::*;

struct Question;

fn ask(app: &App) {
    let _ = app.ask(Question);
}

fn main() {}
