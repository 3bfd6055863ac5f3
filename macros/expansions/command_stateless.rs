#[command(decide = ping)]
struct Ping;
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Command for Ping {
        type Error = __annalist::std::convert::Infallible;
        fn dispatch<__D: __annalist::Dispatcher>(
            self,
            dispatcher: __D,
        ) -> __D::Out<Self::Error> {
            __annalist::Dispatcher::run(
                dispatcher,
                self,
                __annalist::Handler::<Self, _, _, Self::Error> {
                    name: "ping",
                    load: |_, _| __annalist::std::result::Result::Ok(()),
                    decide: |_, command, _| __annalist::decision(ping(command)),
                },
            )
        }
    }
};
