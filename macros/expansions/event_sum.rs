pub enum BankEvent {
    Account(AccountEvent),
    Closed { #[id] bank: BankId },
    Frozen(Frozen),
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Event for BankEvent {
        const TYPES: __annalist::Types = __annalist::Types::Sum(
            &[
                &<AccountEvent as __annalist::Event>::TYPES,
                &__annalist::variant_type(
                    "closed",
                    __annalist::std::concat!(
                        __annalist::std::module_path!(), "::BankEvent::Closed"
                    ),
                    1u32,
                    &[],
                    &[
                        __annalist::IdKind::of_field(
                            <BankId as __annalist::IdField>::KIND,
                            "bank",
                        ),
                    ],
                    &[],
                    __annalist::EventVTable::of_variant(
                        <Self as __annalist::Event>::VTABLE,
                        1u32,
                    ),
                ),
                &<Frozen as __annalist::Event>::TYPES,
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
                Self::Account(event) => {
                    <AccountEvent as __annalist::Event>::stored_type(event)
                }
                Self::Closed { .. } => ("closed", 1u32),
                Self::Frozen(event) => <Frozen as __annalist::Event>::stored_type(event),
            }
        }
        fn collect_tags(
            &self,
            tags: &mut __annalist::Tags,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            match self {
                Self::Account(event) => {
                    <AccountEvent as __annalist::Event>::collect_tags(event, tags)?
                }
                Self::Closed { bank: id0, .. } => {
                    <BankId as __annalist::IdField>::add_tags(id0, tags)?;
                }
                Self::Frozen(event) => {
                    <Frozen as __annalist::Event>::collect_tags(event, tags)?
                }
            }
            __annalist::std::result::Result::Ok(())
        }
        fn encode_payload(
            &self,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<__annalist::Payload, __annalist::Invalid> {
            match self {
                Self::Account(event) => {
                    <AccountEvent as __annalist::Event>::encode_payload(event, codec)
                }
                Self::Frozen(event) => {
                    <Frozen as __annalist::Event>::encode_payload(event, codec)
                }
                _ => __annalist::encode_variant(self, codec),
            }
        }
        fn decode_raw(
            raw: &__annalist::RawEvent<'_>,
            codec: &__annalist::Codec,
            each: &mut dyn __annalist::std::ops::FnMut(Self),
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            match raw.name {
                name if __annalist::Types::contains(
                    &<AccountEvent as __annalist::Event>::TYPES,
                    name,
                ) => {
                    <AccountEvent as __annalist::Event>::decode_raw(
                        raw,
                        codec,
                        &mut |event| each(Self::Account(event)),
                    )
                }
                "closed" => __annalist::decode_variant(1u32, 1u32, raw, codec, each),
                name if __annalist::Types::contains(
                    &<Frozen as __annalist::Event>::TYPES,
                    name,
                ) => {
                    <Frozen as __annalist::Event>::decode_raw(
                        raw,
                        codec,
                        &mut |event| each(Self::Frozen(event)),
                    )
                }
                _ => {
                    let mut found = false;
                    found
                        |= __annalist::decode_wrapped::<
                            AccountEvent,
                        >(raw, codec, &mut |event| each(Self::Account(event)))?;
                    found
                        |= __annalist::decode_wrapped::<
                            Frozen,
                        >(raw, codec, &mut |event| each(Self::Frozen(event)))?;
                    if found {
                        __annalist::std::result::Result::Ok(())
                    } else {
                        __annalist::std::result::Result::Err(
                            __annalist::RawEvent::unknown_type::<Self>(raw),
                        )
                    }
                }
            }
        }
    }
    #[automatically_derived]
    impl __annalist::WritableEvent for BankEvent {}
    const _: () = __annalist::std::assert!(
        ! __annalist::variant_overlaps:: < BankEvent, 3usize > (1usize),
        "`Closed` contains an event that a variant above already contains"
    );
    const _: () = __annalist::std::assert!(
        ! __annalist::variant_overlaps:: < BankEvent, 3usize > (2usize),
        "`Frozen` contains an event that a variant above already contains"
    );
};
