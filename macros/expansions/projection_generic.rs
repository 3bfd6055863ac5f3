#[projection(
    name = "turnover",
    context,
    on(Sold<P>= >Self::sold by Sold::key, Reset = >Self::reset by resets)
)]
pub struct Turnover<P> {
    #[key]
    product: P,
    cents: i64,
    #[key]
    country: String,
}
const _: () = {
    use ::annalist::__private as __annalist;
    use __annalist::NotAColumn as _;
    #[automatically_derived]
    impl<P> __annalist::Projection for Turnover<P>
    where
        Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static,
        P: __annalist::Field + __annalist::RowKey,
        Sold<P>: __annalist::Event,
    {
        type Key = (P, String);
        const TABLE: __annalist::Table = __annalist::Table {
            projection: "turnover",
            version: 1u32,
            build: 0,
            columns: &[
                __annalist::Column {
                    name: "product",
                    kind: __annalist::ColumnOf::<P>::__ANNALIST_TYPE,
                    nullable: __annalist::ColumnOf::<P>::__ANNALIST_NULLABLE,
                    role: __annalist::Role::Key,
                },
                __annalist::Column {
                    name: "cents",
                    kind: <i64 as __annalist::Field>::TYPE,
                    nullable: <i64 as __annalist::Field>::NULLABLE,
                    role: __annalist::Role::Plain,
                },
                __annalist::Column {
                    name: "country",
                    kind: __annalist::ColumnOf::<String>::__ANNALIST_TYPE,
                    nullable: __annalist::ColumnOf::<String>::__ANNALIST_NULLABLE,
                    role: __annalist::Role::Key,
                },
            ],
        };
        const EVENTS: &'static [__annalist::Types] = &[
            <Sold<P> as __annalist::OnRow>::TYPES,
            <Reset as __annalist::OnRow>::TYPES,
        ];
        const BY_IDS: __annalist::std::primitive::bool = false;
        const KEY_FUNCTIONS: &'static [&'static __annalist::std::primitive::str] = &[
            "key",
            "resets",
        ];
        fn initial((key0, key1): (P, String)) -> Self {
            __annalist::ColumnOf::<()>::__annalist_used();
            Self {
                product: key0,
                cents: __annalist::ColumnOf::<i64>::__annalist_initial(),
                country: key1,
            }
        }
        fn plan_record<'__a>(
            record: &'__a __annalist::Record,
            codec: &__annalist::Codec,
            steps: &mut __annalist::RowOps<'__a, Self>,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            const {
                __annalist::std::assert!(
                    ! __annalist::ColumnOf:: < P > ::__ANNALIST_NULLABLE,
                    "a key cannot be NULL: use the type inside the `Option`"
                )
            }
            const {
                __annalist::std::assert!(
                    ! __annalist::ColumnOf:: < String > ::__ANNALIST_NULLABLE,
                    "a key cannot be NULL: use the type inside the `Option`"
                )
            }
            const {
                __annalist::std::assert!(
                    ! __annalist::projection_overlaps:: < Turnover < P >, 2usize >
                    (1usize),
                    "an entry above already handles an event of `Reset`: every event has one handler"
                )
            }
            <Sold<
                P,
            > as __annalist::OnRow>::by_in_context(
                record,
                codec,
                steps,
                Sold::key,
                Self::sold,
            )?;
            <Reset as __annalist::OnRow>::by_in_context(
                record,
                codec,
                steps,
                resets,
                Self::reset,
            )?;
            __annalist::std::result::Result::Ok(())
        }
        fn to_row(
            &self,
        ) -> __annalist::std::result::Result<__annalist::Row, __annalist::Invalid> {
            let mut row = __annalist::RowWriter::new(
                <Self as __annalist::Projection>::TABLE,
            );
            __annalist::RowWriter::put(
                &mut row,
                __annalist::ColumnOf::<P>::__annalist_to_value,
                &self.product,
            )?;
            __annalist::RowWriter::put(
                &mut row,
                <i64 as __annalist::Field>::to_value,
                &self.cents,
            )?;
            __annalist::RowWriter::put(
                &mut row,
                __annalist::ColumnOf::<String>::__annalist_to_value,
                &self.country,
            )?;
            __annalist::std::result::Result::Ok(__annalist::RowWriter::finish(row))
        }
        fn from_row(
            row: __annalist::Row,
        ) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
            let mut row = __annalist::RowReader::new(
                <Self as __annalist::Projection>::TABLE,
                row,
            );
            __annalist::std::result::Result::Ok(Self {
                product: __annalist::RowReader::take(
                    &mut row,
                    __annalist::ColumnOf::<P>::__annalist_from_value,
                )?,
                cents: __annalist::RowReader::take(
                    &mut row,
                    <i64 as __annalist::Field>::from_value,
                )?,
                country: __annalist::RowReader::take(
                    &mut row,
                    __annalist::ColumnOf::<String>::__annalist_from_value,
                )?,
            })
        }
    }
};
