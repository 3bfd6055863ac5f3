#[aggregate(on(Added<T>= >Self::added, Reset = >Self::reset), context)]
pub struct Total<T> {
    sum: T,
    count: u64,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl<T> __annalist::Aggregate for Total<T>
    where
        Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static,
        T: __annalist::InitialValue,
        Added<T>: __annalist::Event,
    {
        type Id = ();
        type Error = __annalist::std::convert::Infallible;
        const EVENTS: &'static [__annalist::Types] = &[
            <Added<T> as __annalist::On>::TYPES,
            <Reset as __annalist::On>::TYPES,
        ];
        const USES_CONTEXT: __annalist::std::primitive::bool = true;
        fn initial(_: ()) -> Self {
            use __annalist::UnmarkedValue as _;
            __annalist::UnmarkedField::<()>::__annalist_initial();
            Self {
                sum: __annalist::UnmarkedField::<T>::__annalist_initial(),
                count: __annalist::UnmarkedField::<u64>::__annalist_initial(),
            }
        }
        fn fold_record(
            &mut self,
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            <Self as __annalist::Aggregate>::fold_into_each(&mut [self], record, codec)
        }
        fn fold_into_each(
            states: &mut [&mut Self],
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            const {
                __annalist::std::assert!(
                    ! __annalist::aggregate_overlaps:: < Total < T >, 2usize > (1usize),
                    "an entry above already handles an event of `Reset`: every event has one handler"
                )
            }
            <Added<
                T,
            > as __annalist::On>::fold_in_context(states, record, codec, Self::added)?;
            <Reset as __annalist::On>::fold_in_context(
                states,
                record,
                codec,
                Self::reset,
            )?;
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
};
