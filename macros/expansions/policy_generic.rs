#[policy(
    name = "thanks",
    from = beginning,
    on_reject = stop,
    on(Sold<P>= >Self::sold, Reset = >Self::reset)
)]
pub struct Thanks<P>(P);
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl<P> __annalist::Policy for Thanks<P>
    where
        Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static,
        Sold<P>: __annalist::Event,
    {
        const NAME: &'static __annalist::std::primitive::str = "thanks";
        const EVENTS: &'static [__annalist::Types] = &[
            <Sold<P> as __annalist::OnPolicy>::TYPES,
            <Reset as __annalist::OnPolicy>::TYPES,
        ];
        const START: __annalist::Start = __annalist::Start::Beginning;
        const ON_REJECT: __annalist::OnReject = __annalist::OnReject::Stop;
        const ON_ERROR: __annalist::OnError = __annalist::OnError::Stop;
        const TRIES: __annalist::std::primitive::u32 = __annalist::TRIES;
        fn declare(reactions: &mut __annalist::ReactionTypes) {
            use __annalist::{OtherHandler as _, HandlerReturns as _};
            <Sold<P> as __annalist::OnPolicy>::handler::<Self, _>(Self::sold)
                .__annalist_declare(reactions);
            <Reset as __annalist::OnPolicy>::handler::<Self, _>(Self::reset)
                .__annalist_declare(reactions);
        }
        fn react_to_record<'__a>(
            &'__a self,
            record: &'__a __annalist::Record,
            codec: &'__a __annalist::Codec,
        ) -> __annalist::Reaction<'__a> {
            const {
                __annalist::std::assert!(
                    ! __annalist::policy_overlaps:: < Thanks < P >, 2usize > (1usize),
                    "an entry above already handles an event of `Reset`: every event has one handler"
                )
            }
            __annalist::std::boxed::Box::pin(async move {
                let mut commands = __annalist::Commands::new();
                for event in &<Sold<
                    P,
                > as __annalist::OnPolicy>::events_in(record, codec)? {
                    __annalist::add_reaction(&mut commands, Self::sold(self, event))
                        .await?;
                }
                for event in &<Reset as __annalist::OnPolicy>::events_in(
                    record,
                    codec,
                )? {
                    __annalist::add_reaction(&mut commands, Self::reset(self, event))
                        .await?;
                }
                __annalist::std::result::Result::Ok(commands)
            })
        }
    }
};
