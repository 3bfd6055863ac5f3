use std::convert::Infallible;

use annalist::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Pair(u32, u32);

impl std::str::FromStr for Pair {
    type Err = Infallible;

    fn from_str(_: &str) -> Result<Self, Infallible> {
        Ok(Self(1, 2))
    }
}

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct AccountId(Pair);

fn main() {}
