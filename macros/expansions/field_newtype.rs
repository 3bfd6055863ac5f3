pub struct Cents(i64);
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Field for Cents {
        const TYPE: __annalist::ColumnType = <i64 as __annalist::Field>::TYPE;
        const IS_ORDERED: __annalist::std::primitive::bool = <i64 as __annalist::Field>::IS_ORDERED;
        fn to_value(
            &self,
        ) -> __annalist::std::result::Result<__annalist::Value, __annalist::Invalid> {
            <i64 as __annalist::Field>::to_value(&self.0)
        }
        fn from_value(
            value: __annalist::Value,
        ) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
            __annalist::std::result::Result::map(
                <i64 as __annalist::Field>::from_value(value),
                Self,
            )
        }
    }
    const _: () = __annalist::std::assert!(
        ! < i64 as __annalist::Field > ::NULLABLE,
        "a newtype around a value that may be NULL: use the type inside the `Option`, and an `Option` of the newtype as the type of the column"
    );
};
