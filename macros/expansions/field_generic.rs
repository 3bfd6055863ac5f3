#[field(crate = crate::vendored::annalist)]
pub struct Checked<T>(
    T,
)
where
    T: Clone;
const _: () = {
    use crate::vendored::annalist::__private as __annalist;
    #[automatically_derived]
    impl<T> __annalist::Field for Checked<T>
    where
        T: Clone,
        T: __annalist::Field,
    {
        const TYPE: __annalist::ColumnType = {
            const {
                __annalist::std::assert!(
                    ! < T as __annalist::Field > ::NULLABLE,
                    "a newtype around a value that may be NULL: use the type inside the `Option`, and an `Option` of the newtype as the type of the column"
                )
            }
            <T as __annalist::Field>::TYPE
        };
        const IS_ORDERED: __annalist::std::primitive::bool = <T as __annalist::Field>::IS_ORDERED;
        fn to_value(
            &self,
        ) -> __annalist::std::result::Result<__annalist::Value, __annalist::Invalid> {
            <T as __annalist::Field>::to_value(&self.0)
        }
        fn from_value(
            value: __annalist::Value,
        ) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
            __annalist::std::result::Result::map(
                <T as __annalist::Field>::from_value(value),
                Self,
            )
        }
    }
};
