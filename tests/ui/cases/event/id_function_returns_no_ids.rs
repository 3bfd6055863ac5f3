use annalist::prelude::*;

#[derive(Serialize, Deserialize)]
struct Line {
    product: String,
}

fn products(lines: &Vec<Line>) -> Vec<String> {
    lines.iter().map(|line| line.product.clone()).collect()
}

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {
    #[id(with = products)]
    lines: Vec<Line>,
}

fn main() {}
