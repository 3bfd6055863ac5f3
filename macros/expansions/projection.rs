#[projection(
    name = "balances",
    version = 2,
    on(AccountEvent = >Balance::apply, Renamed = >rename by accounts)
)]
pub struct Balance {
    #[key]
    pub account: AccountId,
    #[index]
    pub owner: String,
    pub cents: i64,
    #[json]
    pub r#type: AccountType,
}
const _: () = {
    use ::annalist::__private as __annalist;
    use __annalist::NotAColumn as _;
    #[automatically_derived]
    impl __annalist::Projection for Balance {
        type Key = AccountId;
        const TABLE: __annalist::Table = __annalist::Table {
            projection: "balances",
            version: 2u32,
            build: 0,
            columns: &[
                __annalist::Column {
                    name: "account",
                    kind: __annalist::ColumnOf::<AccountId>::__ANNALIST_TYPE,
                    nullable: __annalist::ColumnOf::<AccountId>::__ANNALIST_NULLABLE,
                    role: __annalist::Role::Key,
                },
                __annalist::Column {
                    name: "owner",
                    kind: <String as __annalist::Field>::TYPE,
                    nullable: <String as __annalist::Field>::NULLABLE,
                    role: __annalist::Role::Index,
                },
                __annalist::Column {
                    name: "cents",
                    kind: <i64 as __annalist::Field>::TYPE,
                    nullable: <i64 as __annalist::Field>::NULLABLE,
                    role: __annalist::Role::Plain,
                },
                __annalist::Column {
                    name: "type",
                    kind: <AccountType as __annalist::JsonField>::TYPE,
                    nullable: <AccountType as __annalist::JsonField>::NULLABLE,
                    role: __annalist::Role::Plain,
                },
            ],
        };
        const EVENTS: &'static [__annalist::Types] = &[
            <AccountEvent as __annalist::OnRow>::TYPES,
            <Renamed as __annalist::OnRow>::TYPES,
        ];
        const BY_IDS: __annalist::std::primitive::bool = false;
        const KEY_FUNCTIONS: &'static [&'static __annalist::std::primitive::str] = &[
            "",
            "accounts",
        ];
        fn initial(key: AccountId) -> Self {
            __annalist::ColumnOf::<()>::__annalist_used();
            Self {
                account: key,
                owner: __annalist::ColumnOf::<String>::__annalist_initial(),
                cents: __annalist::ColumnOf::<i64>::__annalist_initial(),
                r#type: <AccountType as __annalist::InitialValue>::initial_value(),
            }
        }
        fn plan_record<'__a>(
            record: &'__a __annalist::Record,
            codec: &__annalist::Codec,
            steps: &mut __annalist::RowOps<'__a, Self>,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            <AccountEvent as __annalist::OnRow>::by_ids(
                record,
                codec,
                steps,
                Balance::apply,
            )?;
            <Renamed as __annalist::OnRow>::by(record, codec, steps, accounts, rename)?;
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
                __annalist::ColumnOf::<AccountId>::__annalist_to_value,
                &self.account,
            )?;
            __annalist::RowWriter::put(
                &mut row,
                <String as __annalist::Field>::to_value,
                &self.owner,
            )?;
            __annalist::RowWriter::put(
                &mut row,
                <i64 as __annalist::Field>::to_value,
                &self.cents,
            )?;
            __annalist::RowWriter::put(
                &mut row,
                <AccountType as __annalist::JsonField>::to_value,
                &self.r#type,
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
                account: __annalist::RowReader::take(
                    &mut row,
                    __annalist::ColumnOf::<AccountId>::__annalist_from_value,
                )?,
                owner: __annalist::RowReader::take(
                    &mut row,
                    <String as __annalist::Field>::from_value,
                )?,
                cents: __annalist::RowReader::take(
                    &mut row,
                    <i64 as __annalist::Field>::from_value,
                )?,
                r#type: __annalist::RowReader::take(
                    &mut row,
                    <AccountType as __annalist::JsonField>::from_value,
                )?,
            })
        }
    }
    const _: () = __annalist::std::assert!(
        ! __annalist::ColumnOf:: < AccountId > ::__ANNALIST_NULLABLE,
        "a key cannot be NULL: use the type inside the `Option`"
    );
    const _: () = __annalist::std::assert!(
        ! __annalist::projection_overlaps:: < Balance, 2usize > (1usize),
        "an entry above already handles an event of `Renamed`: every event has one handler"
    );
    const _: () = __annalist::std::assert!(
        __annalist::entry_reaches_row:: < Balance > (0usize),
        "no event of `AccountEvent` carries the key of `Balance`, so this handler would never be called: write `#[id]` on the field of the event that holds the key, or `by` and a function that returns the key"
    );
};
