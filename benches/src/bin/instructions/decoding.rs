//! Decodes stored events of the current version: of a type with two older versions, and of the same type without.

use std::hint::black_box;

use annalist::{
    Position,
    manual::{Codec, RawEvent},
    prelude::*,
};

use super::{AccountId, commands::Result};

/// The payload of the current version.
const PAYLOAD: &str =
    r#"{"account":"01890a5d-ac96-774b-bcce-b302099a8057","cents":12500,"reference":"invoice 7"}"#;

/// The type of a program whose event was never changed.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "account.deposited")]
struct Unversioned {
    #[id]
    account: AccountId,
    cents: u64,
    reference: String,
}

/// The same, with two older versions.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "account.deposited", version = 3, upcast(1 => Version2::from_1, 2 => Versioned::from_2))]
struct Versioned {
    #[id]
    account: AccountId,
    cents: u64,
    reference: String,
}

#[derive(Deserialize)]
struct Version1 {
    account: AccountId,
    euros: u64,
}

#[derive(Deserialize)]
struct Version2 {
    account: AccountId,
    cents: u64,
}

impl Version2 {
    fn from_1(Version1 { account, euros }: Version1) -> Self {
        Self { account, cents: euros * 100 }
    }
}

impl Versioned {
    fn from_2(Version2 { account, cents }: Version2) -> Self {
        Self { account, cents, reference: String::new() }
    }
}

/// Decodes so many events of a type with older versions. Returns the sum of their amounts.
pub(super) fn versioned(events: usize) -> Result<u64> {
    decoded(events, 3, |event: &Versioned| event.cents)
}

/// Decodes so many events of a type without older versions. Returns the sum of their amounts.
pub(super) fn unversioned(events: usize) -> Result<u64> {
    decoded(events, 1, |event: &Unversioned| event.cents)
}

fn decoded<E: Event>(events: usize, version: u32, cents: fn(&E) -> u64) -> Result<u64> {
    let (codec, mut sum) = (Codec::default(), 0);
    for _ in 0..events {
        let raw = RawEvent::new("account.deposited", version, PAYLOAD, Position::new(1));
        E::decode_raw(black_box(&raw), &codec, &mut |event| sum += cents(black_box(&event)))?;
    }
    Ok(sum)
}
