#[event(crate = crate::vendored::annalist)]
pub enum Either<A, B, I>
where
    I: Clone,
{
    Left(A),
    Right(B),
    Neither { #[id] id: I },
}
const _: () = {
    use crate::vendored::annalist::__private as __annalist;
    #[automatically_derived]
    impl<A, B, I> __annalist::Event for Either<A, B, I>
    where
        I: Clone,
        Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static,
        Self: __annalist::serde::Serialize + __annalist::serde::de::DeserializeOwned,
        I: __annalist::Ids,
        A: __annalist::Event,
        B: __annalist::Event,
    {
        const TYPES: __annalist::Types = __annalist::Types::Sum(
            &[
                &<A as __annalist::Event>::TYPES,
                &<B as __annalist::Event>::TYPES,
                &__annalist::variant_type(
                    "neither",
                    __annalist::std::concat!(
                        __annalist::std::module_path!(), "::Either::Neither"
                    ),
                    1u32,
                    &[],
                    &[
                        __annalist::IdKind::of_field(
                            <I as __annalist::IdField>::KIND,
                            "id",
                        ),
                    ],
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
                Self::Left(event) => <A as __annalist::Event>::stored_type(event),
                Self::Right(event) => <B as __annalist::Event>::stored_type(event),
                Self::Neither { .. } => ("neither", 1u32),
            }
        }
        fn collect_tags(
            &self,
            tags: &mut __annalist::Tags,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            match self {
                Self::Left(event) => <A as __annalist::Event>::collect_tags(event, tags)?,
                Self::Right(event) => {
                    <B as __annalist::Event>::collect_tags(event, tags)?
                }
                Self::Neither { id: id0, .. } => {
                    <I as __annalist::IdField>::add_tags(id0, tags)?;
                }
            }
            __annalist::std::result::Result::Ok(())
        }
        fn encode_payload(
            &self,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<__annalist::Payload, __annalist::Invalid> {
            match self {
                Self::Left(event) => {
                    <A as __annalist::Event>::encode_payload(event, codec)
                }
                Self::Right(event) => {
                    <B as __annalist::Event>::encode_payload(event, codec)
                }
                _ => __annalist::encode_variant(self, codec),
            }
        }
        fn decode_raw(
            raw: &__annalist::RawEvent<'_>,
            codec: &__annalist::Codec,
            each: &mut dyn __annalist::std::ops::FnMut(Self),
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            const {
                __annalist::std::assert!(
                    ! __annalist::variant_overlaps:: < Either < A, B, I >, 3usize >
                    (1usize),
                    "`Right` contains an event that a variant above already contains"
                )
            }
            const {
                __annalist::std::assert!(
                    ! __annalist::variant_overlaps:: < Either < A, B, I >, 3usize >
                    (2usize),
                    "`Neither` contains an event that a variant above already contains"
                )
            }
            match raw.name {
                name if __annalist::Types::contains(
                    &<A as __annalist::Event>::TYPES,
                    name,
                ) => {
                    <A as __annalist::Event>::decode_raw(
                        raw,
                        codec,
                        &mut |event| each(Self::Left(event)),
                    )
                }
                name if __annalist::Types::contains(
                    &<B as __annalist::Event>::TYPES,
                    name,
                ) => {
                    <B as __annalist::Event>::decode_raw(
                        raw,
                        codec,
                        &mut |event| each(Self::Right(event)),
                    )
                }
                "neither" => __annalist::decode_variant(2u32, 1u32, raw, codec, each),
                _ => {
                    let mut found = false;
                    found
                        |= __annalist::decode_wrapped::<
                            A,
                        >(raw, codec, &mut |event| each(Self::Left(event)))?;
                    found
                        |= __annalist::decode_wrapped::<
                            B,
                        >(raw, codec, &mut |event| each(Self::Right(event)))?;
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
    impl<A, B, I> __annalist::WritableEvent for Either<A, B, I>
    where
        I: Clone,
        Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static,
        Self: __annalist::serde::Serialize + __annalist::serde::de::DeserializeOwned,
        I: __annalist::Ids,
        A: __annalist::Event,
        B: __annalist::Event,
    {}
};
