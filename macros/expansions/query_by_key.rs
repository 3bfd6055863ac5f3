#[query(from = Turnover)]
pub struct TurnoverOf {
    #[key]
    pub product: ProductId,
    #[key(r#type)]
    pub kind: String,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Query for TurnoverOf {
        type Answer = __annalist::std::option::Option<Turnover>;
        const FACTS: __annalist::QueryFacts = __annalist::QueryFacts::new(
            <Turnover as __annalist::Source>::TABLE,
            "row",
            &[
                __annalist::QueryParameter::new("product", "key", "product", false),
                __annalist::QueryParameter::new("kind", "key", "type", false),
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
            <Turnover as __annalist::Source>::row(
                    models,
                    &(
                        __annalist::std::clone::Clone::clone(&self.product),
                        __annalist::std::clone::Clone::clone(&self.kind),
                    ),
                )
                .await
        }
    }
    const _: () = __annalist::QueryColumns::check_key(
        &__annalist::QueryColumns {
            table: <Turnover as __annalist::Source>::TABLE,
            row: "Turnover",
        },
        &["product", "type"],
    );
};
