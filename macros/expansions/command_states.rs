#[command(
    decide = orders::place,
    state(LastOrder),
    error = OrderError,
    context,
    name = "place an order"
)]
pub struct PlaceOrder {
    #[id(Customer, Credit)]
    customer: CustomerId,
    #[id(Product)]
    products: Vec<ProductId>,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Command for PlaceOrder {
        type Error = OrderError;
        fn dispatch<__D: __annalist::Dispatcher>(
            self,
            dispatcher: __D,
        ) -> __D::Out<<Self as __annalist::Command>::Error> {
            __annalist::dispatch(self, dispatcher)
        }
        fn declare(types: &mut __annalist::CommandTypes) {
            <Self as __annalist::Handled>::handler(
                __annalist::CommandTypes::with_schema(
                    types,
                    {
                        use __annalist::NoSchema as _;
                        __annalist::SchemaOf::<Self>::__ANNALIST_SCHEMA
                    },
                ),
            );
            <Customer as __annalist::State>::declare(types, "customer");
            <Credit as __annalist::State>::declare(types, "customer");
            <Product as __annalist::State>::declare(types, "products");
            <LastOrder as __annalist::State>::declare(types, "");
        }
    }
    #[automatically_derived]
    impl __annalist::Handled for PlaceOrder {
        fn handler<__U: __annalist::UseHandler<Self>>(
            user: __U,
        ) -> __U::Out<<Self as __annalist::Command>::Error> {
            __annalist::UseHandler::use_handler(
                user,
                __annalist::Handler::<
                    Self,
                    _,
                    _,
                    <Self as __annalist::Command>::Error,
                >::new(
                    "place an order",
                    |command, loader| __annalist::std::result::Result::Ok((
                        <Customer as __annalist::State>::load(
                            loader,
                            __annalist::id_field(&command.customer),
                        )?,
                        <Credit as __annalist::State>::load(
                            loader,
                            __annalist::id_field(&command.customer),
                        )?,
                        <Product as __annalist::State>::load(
                            loader,
                            __annalist::id_field(&command.products),
                        )?,
                        <LastOrder as __annalist::State>::load_only(loader)?,
                    )),
                    |states, command, context| {
                        __annalist::decision(
                            __annalist::decide_4(
                                states,
                                command,
                                context,
                                __annalist::WithContext,
                                orders::place,
                            ),
                        )
                    },
                ),
            )
        }
    }
};
