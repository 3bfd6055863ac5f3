#[query(from = Turnover<P>)]
pub struct Above<P>
where
    P: Clone,
{
    #[above(product)]
    product: P,
    #[limit]
    limit: usize,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl<P> __annalist::Query for Above<P>
    where
        P: Clone,
        Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static,
        Turnover<P>: __annalist::Projection,
        P: __annalist::Field,
    {
        type Answer = __annalist::Page<Turnover<P>>;
        const FACTS: __annalist::QueryFacts = __annalist::QueryFacts::new(
            <Turnover<P> as __annalist::Source>::TABLE,
            "page",
            &[
                __annalist::QueryParameter::new("product", "above", "product", false),
                __annalist::QueryParameter::new("limit", "limit", "", false),
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
            const {
                __annalist::QueryColumns::check_range(
                    &__annalist::QueryColumns {
                        table: <Turnover<P> as __annalist::Source>::TABLE,
                        row: "Turnover<P>",
                    },
                    "product",
                    <P as __annalist::Field>::TYPE,
                    <P as __annalist::Field>::NULLABLE,
                    <P as __annalist::Field>::IS_ORDERED,
                )
            }
            <Turnover<
                P,
            > as __annalist::Source>::rows(
                    models,
                    |list| {
                        let list = __annalist::List::compare(
                            list,
                            "product",
                            <P as __annalist::Field>::TYPE,
                            <P as __annalist::Field>::to_value(&self.product),
                            __annalist::Bound::Above,
                        );
                        let list = __annalist::List::limit(list, self.limit);
                        list
                    },
                )
                .await
        }
    }
};
