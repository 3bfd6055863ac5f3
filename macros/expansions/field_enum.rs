#[field(rename_all = "snake_case")]
pub enum Status {
    Open,
    #[field(name = "locked")]
    Frozen,
    ClosedForGood,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Field for Status {
        const TYPE: __annalist::ColumnType = __annalist::ColumnType::Text;
        const IS_ORDERED: __annalist::std::primitive::bool = false;
        fn to_value(
            &self,
        ) -> __annalist::std::result::Result<__annalist::Value, __annalist::Invalid> {
            __annalist::variant_to_value(
                match self {
                    Self::Open => "open",
                    Self::Frozen => "locked",
                    Self::ClosedForGood => "closed_for_good",
                },
            )
        }
        fn from_value(
            value: __annalist::Value,
        ) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
            __annalist::variant_from_value(
                value,
                "Status",
                [
                    ("open", Self::Open),
                    ("locked", Self::Frozen),
                    ("closed_for_good", Self::ClosedForGood),
                ],
            )
        }
    }
};
