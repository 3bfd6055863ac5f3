#[query(from = Turnover)]
pub struct TurnoverOf {
    #[key]
    pub product: ProductId,
    #[key(r#type)]
    pub kind: String,
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Query for TurnoverOf {
        type Answer = __annalist::std::option::Option<Turnover>;
        async fn answer(
            &self,
            models: &__annalist::ReadModels,
        ) -> __annalist::std::result::Result<Self::Answer, __annalist::Error> {
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
    const _: () = __annalist::QueryColumns {
        table: <Turnover as __annalist::Source>::TABLE,
        row: "Turnover",
    }
        .check_key(&["product", "type"]);
};
