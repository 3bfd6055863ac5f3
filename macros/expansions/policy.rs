#[policy(
    name = "welcome_bonus",
    from = now,
    on_reject = ignore,
    retry = 3,
    on_error = park,
    context
)]
#[policy(on(AccountEvent = >WelcomeBonus::react, OrderPlaced = >charge))]
pub struct WelcomeBonus {
    payments: Arc<dyn Payments>,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Policy for WelcomeBonus {
        const NAME: &'static __annalist::std::primitive::str = "welcome_bonus";
        const EVENTS: &'static [__annalist::Types] = &[
            <AccountEvent as __annalist::OnPolicy>::TYPES,
            <OrderPlaced as __annalist::OnPolicy>::TYPES,
        ];
        const START: __annalist::Start = __annalist::Start::Now;
        const ON_REJECT: __annalist::OnReject = __annalist::OnReject::Ignore;
        const ON_ERROR: __annalist::OnError = __annalist::OnError::Park;
        const TRIES: __annalist::std::primitive::u32 = 3u32;
        fn declare(reactions: &mut __annalist::ReactionTypes) {
            use __annalist::{OtherHandler as _, HandlerReturnsInContext as _};
            <AccountEvent as __annalist::OnPolicy>::handler::<
                Self,
                _,
            >(WelcomeBonus::react)
                .__annalist_declare_in_context(reactions);
            <OrderPlaced as __annalist::OnPolicy>::handler::<Self, _>(charge)
                .__annalist_declare_in_context(reactions);
        }
        fn react_to_record<'__a>(
            &'__a self,
            record: &'__a __annalist::Record,
            codec: &'__a __annalist::Codec,
        ) -> __annalist::Reaction<'__a> {
            __annalist::std::boxed::Box::pin(async move {
                let context = __annalist::Context::of(record)?;
                let mut commands = __annalist::Commands::new();
                for event in &<AccountEvent as __annalist::OnPolicy>::events_in(
                    record,
                    codec,
                )? {
                    __annalist::add_reaction(
                            &mut commands,
                            WelcomeBonus::react(self, event, &context),
                        )
                        .await?;
                }
                for event in &<OrderPlaced as __annalist::OnPolicy>::events_in(
                    record,
                    codec,
                )? {
                    __annalist::add_reaction(
                            &mut commands,
                            charge(self, event, &context),
                        )
                        .await?;
                }
                __annalist::std::result::Result::Ok(commands)
            })
        }
    }
    const _: () = __annalist::std::assert!(
        ! __annalist::policy_overlaps:: < WelcomeBonus, 2usize > (1usize),
        "an entry above already handles an event of `OrderPlaced`: every event has one handler"
    );
};
