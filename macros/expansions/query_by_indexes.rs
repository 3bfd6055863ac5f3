#[query(from = Balance, order = cents, descending, limit = 50)]
pub struct RichOnes {
    #[equal]
    pub owner: String,
    #[at_least(cents)]
    pub from: Option<i64>,
    #[prefix(town)]
    pub start: Option<String>,
    #[one_of(town)]
    pub towns: Vec<Option<String>>,
    #[limit]
    pub limit: Option<usize>,
    #[cursor]
    pub cursor: Option<Cursor>,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Query for RichOnes {
        type Answer = __annalist::Page<Balance>;
        const FACTS: __annalist::QueryFacts = __annalist::QueryFacts::new(
            <Balance as __annalist::Source>::TABLE,
            "page",
            &[
                __annalist::QueryParameter::new("owner", "equal", "owner", false),
                __annalist::QueryParameter::new("from", "at_least", "cents", true),
                __annalist::QueryParameter::new("start", "prefix", "town", true),
                __annalist::QueryParameter::new("towns", "one_of", "town", false),
                __annalist::QueryParameter::new("limit", "limit", "", true),
                __annalist::QueryParameter::new("cursor", "cursor", "", true),
            ],
            {
                use __annalist::NoSchema as _;
                __annalist::SchemaOf::<Self>::__ANNALIST_SCHEMA
            },
        );
        async fn answer(
            &self,
            models: &__annalist::ReadModels,
        ) -> __annalist::std::result::Result<
            <Self as __annalist::Query>::Answer,
            __annalist::Error,
        > {
            <Balance as __annalist::Source>::rows(
                    models,
                    |list| {
                        let list = __annalist::List::order_by(list, "cents");
                        let list = __annalist::List::descending(list);
                        let list = __annalist::List::compare(
                            list,
                            "owner",
                            <String as __annalist::Field>::TYPE,
                            <String as __annalist::Field>::to_value(&self.owner),
                            __annalist::Bound::Equal,
                        );
                        let list = __annalist::List::filter_some(
                            list,
                            &self.from,
                            |list, value| __annalist::List::compare(
                                list,
                                "cents",
                                <i64 as __annalist::Field>::TYPE,
                                <i64 as __annalist::Field>::to_value(value),
                                __annalist::Bound::AtLeast,
                            ),
                        );
                        let list = __annalist::List::filter_some(
                            list,
                            &self.start,
                            |list, value| __annalist::List::prefix(list, "town", value),
                        );
                        let list = __annalist::List::one_of(list, "town", &self.towns);
                        let list = __annalist::List::limit(list, 50usize);
                        let list = __annalist::List::filter_some(
                            list,
                            &self.limit,
                            |list, value| __annalist::List::limit(
                                list,
                                __annalist::std::cmp::Ord::min(*value, 50usize),
                            ),
                        );
                        let list = __annalist::List::filter_some(
                            list,
                            &self.cursor,
                            |list, value| __annalist::List::from(
                                list,
                                __annalist::std::clone::Clone::clone(value),
                            ),
                        );
                        list
                    },
                )
                .await
        }
    }
    const _: () = __annalist::QueryColumns::check_order(
        &__annalist::QueryColumns {
            table: <Balance as __annalist::Source>::TABLE,
            row: "Balance",
        },
        "cents",
    );
    const _: () = __annalist::QueryColumns::check_comparison(
        &__annalist::QueryColumns {
            table: <Balance as __annalist::Source>::TABLE,
            row: "Balance",
        },
        "owner",
        <String as __annalist::Field>::TYPE,
        <String as __annalist::Field>::NULLABLE,
    );
    const _: () = __annalist::QueryColumns::check_range(
        &__annalist::QueryColumns {
            table: <Balance as __annalist::Source>::TABLE,
            row: "Balance",
        },
        "cents",
        <i64 as __annalist::Field>::TYPE,
        <i64 as __annalist::Field>::NULLABLE,
        <i64 as __annalist::Field>::IS_ORDERED,
    );
    const _: () = __annalist::QueryColumns::check_prefix(
        &__annalist::QueryColumns {
            table: <Balance as __annalist::Source>::TABLE,
            row: "Balance",
        },
        "town",
    );
    const _: () = __annalist::QueryColumns::check_equal(
        &__annalist::QueryColumns {
            table: <Balance as __annalist::Source>::TABLE,
            row: "Balance",
        },
        "town",
        <Option<String> as __annalist::Field>::TYPE,
    );
};
