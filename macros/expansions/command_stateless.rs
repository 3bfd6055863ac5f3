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
            __annalist::Dispatcher::run(
                dispatcher,
                self,
                __annalist::Handler::<Self, _, _, <Self as __annalist::Command>::Error> {
                    name: "ping",
                    load: |_, _| __annalist::std::result::Result::Ok(()),
                    decide: |states, command, context| {
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
                },
            )
        }
    }
};
