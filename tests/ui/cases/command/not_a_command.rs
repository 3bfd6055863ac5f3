use annalist::prelude::*;

struct Close;

fn send(_: impl Command) {}

fn main() {
    send(Close);
}
