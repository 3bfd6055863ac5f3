#[aggregate(on(AccountEvent = >Account::apply, Frozen = >freeze), error = AccountError)]
pub struct Account {
    #[id]
    id: AccountId,
    open: bool,
    balance: u64,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Aggregate for Account {
        type Id = AccountId;
        type Error = AccountError;
        const EVENTS: &'static [__annalist::Types] = &[
            <AccountEvent as __annalist::On>::TYPES,
            <Frozen as __annalist::On>::TYPES,
        ];
        const USES_CONTEXT: __annalist::std::primitive::bool = false;
        fn initial(id: AccountId) -> Self {
            Self {
                id: id,
                open: <bool as __annalist::InitialValue>::initial_value(),
                balance: <u64 as __annalist::InitialValue>::initial_value(),
            }
        }
        fn fold_record(
            &mut self,
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            let _ = &self.id;
            <Self as __annalist::Aggregate>::fold_into_each(&mut [self], record, codec)
        }
        fn fold_into_each(
            states: &mut [&mut Self],
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            <AccountEvent as __annalist::On>::fold(
                states,
                record,
                codec,
                Account::apply,
            )?;
            <Frozen as __annalist::On>::fold(states, record, codec, freeze)?;
            __annalist::std::result::Result::Ok(())
        }
        fn debug_text(
            &self,
        ) -> __annalist::std::option::Option<__annalist::std::string::String> {
            use __annalist::WithoutDebug as _;
            __annalist::Shown(&|| ()).__annalist_text();
            __annalist::Shown(self).__annalist_text()
        }
    }
    const _: () = __annalist::std::assert!(
        ! __annalist::aggregate_overlaps:: < Account, 2usize > (1usize),
        "an entry above already handles an event of `Frozen`: every event has one handler"
    );
    const _: () = __annalist::std::assert!(
        __annalist::entry_reaches:: < Account > (0usize),
        "no event of `AccountEvent` carries the id of `Account`, so the aggregate would never get one: write `#[id]` on the field of the event that holds the id"
    );
    const _: () = __annalist::std::assert!(
        __annalist::entry_reaches:: < Account > (1usize),
        "no event of `Frozen` carries the id of `Account`, so the aggregate would never get one: write `#[id]` on the field of the event that holds the id"
    );
};
