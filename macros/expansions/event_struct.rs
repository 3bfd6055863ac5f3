#[event(
    prefix = "order",
    version = 2,
    upcast(1 = >_),
    alias("order.made", "order.created")
)]
pub struct OrderPlaced {
    #[id]
    order: OrderId,
    #[id(with = Line::products)]
    lines: Vec<Line>,
    note: String,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Event for OrderPlaced {
        const TYPES: __annalist::Types = __annalist::with_steps(
            __annalist::event_type(
                "order.order-placed",
                __annalist::std::concat!(
                    __annalist::std::module_path!(), "::OrderPlaced"
                ),
                2u32,
                &["order.made", "order.created"],
                &[
                    __annalist::IdKind::of_field(
                        <OrderId as __annalist::IdField>::KIND,
                        "order",
                    ),
                ],
                &["lines"],
                <Self as __annalist::Event>::VTABLE,
            ),
            &[__annalist::VersionStep::same(1u32)],
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
            ("order.order-placed", 2u32)
        }
        fn collect_tags(
            &self,
            tags: &mut __annalist::Tags,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            let Self { order: id0, lines: id1, .. } = self;
            <OrderId as __annalist::IdField>::add_tags(id0, tags)?;
            __annalist::Tags::add(tags, &Line::products(id1))?;
            __annalist::std::result::Result::Ok(())
        }
        fn encode_payload(
            &self,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<__annalist::Payload, __annalist::Invalid> {
            __annalist::encode_struct(self, codec)
        }
        fn decode_raw(
            raw: &__annalist::RawEvent<'_>,
            codec: &__annalist::Codec,
            each: &mut dyn __annalist::std::ops::FnMut(Self),
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            __annalist::decode_struct(raw, codec, each)
        }
    }
    #[automatically_derived]
    impl __annalist::WritableEvent for OrderPlaced {}
};
