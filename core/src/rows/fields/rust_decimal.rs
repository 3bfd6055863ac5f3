//! Decimal numbers of `rust_decimal`.

use rust_decimal::Decimal as RustDecimal;

use crate::{
    error::Invalid,
    limits::refuse,
    rows::{ColumnType, Decimal, Field, Value, value::misfit},
};

/// Every value fits. Trailing zeros are not stored: `1.10` is read back as `1.1`, which is equal.
impl Field for RustDecimal {
    const TYPE: ColumnType = ColumnType::Decimal;

    fn to_value(&self) -> Result<Value, Invalid> {
        Decimal::new(self.mantissa(), self.scale()).map(Value::Decimal)
    }

    fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::Decimal(number) = value else { return Err(misfit::<Self>(&value)) };
        Self::try_from_i128_with_scale(number.mantissa(), number.scale())
            .map_err(|error| refuse("decimal number", &number.to_string(), error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::fields::tests::check_order;

    #[test]
    fn decimals_are_read_back_and_ordered_as_in_rust() {
        let small = RustDecimal::new(1, 28);
        let number = |text: &str| text.parse::<RustDecimal>().unwrap();
        check_order([
            RustDecimal::MIN,
            number("-79228162514264337593543950.335"),
            number("-12.550"),
            number("-12.5"),
            -small,
            number("0.00"),
            small,
            number("7.9228162514264337593543950335"),
            number("12.5"),
            RustDecimal::MAX - RustDecimal::ONE,
            RustDecimal::MAX,
        ]);
        assert_eq!(number("-0.0").to_value().unwrap(), number("0").to_value().unwrap());
        assert_eq!(number("1.10").to_value().unwrap(), number("1.1").to_value().unwrap());
    }
}
