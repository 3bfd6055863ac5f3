//! Decimal numbers as texts that SQLite sorts like the numbers, byte by byte.
//!
//! A number that is not negative has 29 digits before the point, as many as the greatest one: `00000000000000000000000000012.5`.
//! A negative number starts with `-`, which sorts before digits; each digit is replaced by 9 minus the digit, so that the order is
//! reversed, and `~`, which sorts after digits and the point, ends the text: a longer number is smaller there. Equal numbers have
//! equal texts, because they have no trailing zeros.

use annalist_core::{error::Invalid, rows::Decimal};

/// The number of digits of the greatest number.
const WIDTH: usize = 29;

pub(crate) fn encode(number: Decimal) -> String {
    let shown = number.to_string();
    let digits = shown.strip_prefix('-');
    let (whole, fraction) =
        digits.unwrap_or(&shown).split_once('.').unwrap_or((digits.unwrap_or(&shown), ""));
    let point = if fraction.is_empty() { "" } else { "." };
    let padded = format!("{whole:0>WIDTH$}{point}{fraction}");
    match digits {
        Some(_) => format!("-{}~", complement(&padded)),
        None => padded,
    }
}

/// The number of a text. Texts of another form are refused, because queries would not find them.
pub(crate) fn decode(text: &str) -> Result<Decimal, Invalid> {
    let negative = text.strip_prefix('-').and_then(|rest| rest.strip_suffix('~'));
    let number: Decimal = match negative {
        Some(digits) => format!("-{}", complement(digits)).parse()?,
        None => text.parse()?,
    };
    if encode(number) == text {
        return Ok(number);
    }
    Err(Invalid::Text {
        what: "decimal number",
        value: text.to_owned(),
        rule: format!("the column stores this number as `{}`", encode(number)),
    })
}

fn complement(digits: &str) -> String {
    let digit = |character: char| match character.to_digit(10) {
        Some(digit) => char::from_digit(9 - digit, 10).unwrap_or(character),
        None => character,
    };
    digits.chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [&str; 17] = [
        "-79228162514264337593543950335",
        "-100",
        "-12.55",
        "-12.5",
        "-12.05",
        "-12",
        "-0.5",
        "-0.0000000000000000000000000001",
        "0",
        "0.0000000000000000000000000001",
        "0.1",
        "0.11",
        "9.9",
        "12",
        "12.5",
        "12.55",
        "79228162514264337593543950335",
    ];

    #[test]
    fn texts_of_decimals_sort_like_the_numbers_and_are_read_back() {
        let numbers = NUMBERS.map(|number| number.parse::<Decimal>().unwrap());
        assert!(numbers.is_sorted());
        for one in numbers {
            assert_eq!(decode(&encode(one)).ok(), Some(one));
            for other in numbers {
                assert_eq!(encode(one).cmp(&encode(other)), one.cmp(&other), "{one} and {other}");
            }
        }
        assert_eq!(encode("12.50".parse().unwrap()), "00000000000000000000000000012.5");
        assert_eq!(encode("-12.5".parse().unwrap()), "-99999999999999999999999999987.4~");
    }

    #[test]
    fn texts_of_another_form_are_refused() {
        for text in ["12.5", "-12.5", "00000000000000000000000000012.50", "1e3", "", "-~", "-1"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
