#[event(prefix = "account")]
pub enum AccountEvent {
    Opened { #[id] account: AccountId, owner: String },
    #[event(name = "account.transferred")]
    Moved { #[id] from: AccountId, #[id] to: AccountId, amount: u64 },
    MonthClosed,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Event for AccountEvent {
        const TYPES: __annalist::Types = __annalist::Types::Sum(
            &[
                &__annalist::variant_type(
                    "account.opened",
                    __annalist::std::concat!(
                        __annalist::std::module_path!(), "::AccountEvent::Opened"
                    ),
                    1u32,
                    &[],
                    &[
                        __annalist::IdKind::of_field(
                            <AccountId as __annalist::IdField>::KIND,
                            "account",
                        ),
                    ],
                    &[],
                    __annalist::EventVTable::of_variant(
                        <Self as __annalist::Event>::VTABLE,
                        0u32,
                    ),
                ),
                &__annalist::variant_type(
                    "account.transferred",
                    __annalist::std::concat!(
                        __annalist::std::module_path!(), "::AccountEvent::Moved"
                    ),
                    1u32,
                    &[],
                    &[
                        __annalist::IdKind::of_field(
                            <AccountId as __annalist::IdField>::KIND,
                            "from",
                        ),
                        __annalist::IdKind::of_field(
                            <AccountId as __annalist::IdField>::KIND,
                            "to",
                        ),
                    ],
                    &[],
                    __annalist::EventVTable::of_variant(
                        <Self as __annalist::Event>::VTABLE,
                        1u32,
                    ),
                ),
                &__annalist::variant_type(
                    "account.month-closed",
                    __annalist::std::concat!(
                        __annalist::std::module_path!(), "::AccountEvent::MonthClosed"
                    ),
                    1u32,
                    &[],
                    &[],
                    &[],
                    __annalist::EventVTable::of_variant(
                        <Self as __annalist::Event>::VTABLE,
                        2u32,
                    ),
                ),
            ],
        );
        const VTABLE: __annalist::std::option::Option<__annalist::EventVTable> = __annalist::std::option::Option::Some({
            use __annalist::NoSchema as _;
            __annalist::EventVTable::of::<
                Self,
            >(
                __annalist::SchemaOf::<Self>::__ANNALIST_SCHEMA,
                __annalist::SchemaOf::<Self>::__ANNALIST_VARIANTS,
            )
        });
        fn stored_type(
            &self,
        ) -> (
            &'static __annalist::std::primitive::str,
            __annalist::std::primitive::u32,
        ) {
            match self {
                Self::Opened { .. } => ("account.opened", 1u32),
                Self::Moved { .. } => ("account.transferred", 1u32),
                Self::MonthClosed { .. } => ("account.month-closed", 1u32),
            }
        }
        fn collect_tags(
            &self,
            tags: &mut __annalist::Tags,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            match self {
                Self::Opened { account: id0, .. } => {
                    <AccountId as __annalist::IdField>::add_tags(id0, tags)?;
                }
                Self::Moved { from: id0, to: id1, .. } => {
                    <AccountId as __annalist::IdField>::add_tags(id0, tags)?;
                    <AccountId as __annalist::IdField>::add_tags(id1, tags)?;
                }
                Self::MonthClosed { .. } => {}
            }
            __annalist::std::result::Result::Ok(())
        }
        fn encode_payload(
            &self,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<__annalist::Payload, __annalist::Invalid> {
            __annalist::encode_variant(self, codec)
        }
        fn decode_raw(
            raw: &__annalist::RawEvent<'_>,
            codec: &__annalist::Codec,
            each: &mut dyn __annalist::std::ops::FnMut(Self),
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            match raw.name {
                "account.opened" => {
                    __annalist::decode_variant(0u32, 1u32, raw, codec, each)
                }
                "account.transferred" => {
                    __annalist::decode_variant(1u32, 1u32, raw, codec, each)
                }
                "account.month-closed" => {
                    __annalist::decode_variant(2u32, 1u32, raw, codec, each)
                }
                _ => {
                    __annalist::std::result::Result::Err(
                        __annalist::RawEvent::unknown_type::<Self>(raw),
                    )
                }
            }
        }
    }
    #[automatically_derived]
    impl __annalist::WritableEvent for AccountEvent {}
};
