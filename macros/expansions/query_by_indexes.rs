#[query(from = Balance, order = cents, descending, limit = 50)]
pub struct RichOnes {
    #[equal]
    pub owner: String,
    #[at_least(cents)]
    pub from: Option<i64>,
    #[prefix(town)]
    pub start: Option<String>,
    #[limit]
    pub limit: Option<usize>,
    #[cursor]
    pub cursor: Option<Cursor>,
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Query for RichOnes {
        type Answer = __annalist::Page<Balance>;
        async fn answer(
            &self,
            models: &__annalist::ReadModels,
        ) -> __annalist::std::result::Result<Self::Answer, __annalist::Error> {
            <Balance as __annalist::Source>::rows(
                    models,
                    |list| {
                        list.order_by("cents")
                            .descending()
                            .compare(
                                "owner",
                                <String as __annalist::Field>::TYPE,
                                <String as __annalist::Field>::to_value(&self.owner),
                                __annalist::Bound::Equal,
                            )
                            .filter_some(
                                &self.from,
                                |list, value| {
                                    list
                                        .compare(
                                            "cents",
                                            <i64 as __annalist::Field>::TYPE,
                                            <i64 as __annalist::Field>::to_value(value),
                                            __annalist::Bound::AtLeast,
                                        )
                                },
                            )
                            .filter_some(
                                &self.start,
                                |list, value| list.prefix("town", value),
                            )
                            .limit(50usize)
                            .filter_some(
                                &self.limit,
                                |list, value| {
                                    list.limit(__annalist::std::cmp::Ord::min(*value, 50usize))
                                },
                            )
                            .filter_some(
                                &self.cursor,
                                |list, value| {
                                    list.from(__annalist::std::clone::Clone::clone(value))
                                },
                            )
                    },
                )
                .await
        }
    }
    const _: () = __annalist::QueryColumns {
        table: <Balance as __annalist::Source>::TABLE,
        row: "Balance",
    }
        .check_order("cents");
    const _: () = __annalist::QueryColumns {
        table: <Balance as __annalist::Source>::TABLE,
        row: "Balance",
    }
        .check_comparison(
            "owner",
            <String as __annalist::Field>::TYPE,
            <String as __annalist::Field>::NULLABLE,
        );
    const _: () = __annalist::QueryColumns {
        table: <Balance as __annalist::Source>::TABLE,
        row: "Balance",
    }
        .check_comparison(
            "cents",
            <i64 as __annalist::Field>::TYPE,
            <i64 as __annalist::Field>::NULLABLE,
        );
    const _: () = __annalist::QueryColumns {
        table: <Balance as __annalist::Source>::TABLE,
        row: "Balance",
    }
        .check_prefix("town");
};
