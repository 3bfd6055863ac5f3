#[command(decide = ping)]
struct Ping;
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Command for Ping {
        type Error = __annalist::std::convert::Infallible;
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
        }
    }
    #[automatically_derived]
    impl __annalist::Handled for Ping {
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
                    "ping",
                    |_, _| __annalist::std::result::Result::Ok(()),
                    |states, command, context| {
                        __annalist::decision(
                            __annalist::decide_0(
                                states,
                                command,
                                context,
                                __annalist::WithoutContext,
                                ping,
                            ),
                        )
                    },
                ),
            )
        }
    }
};
