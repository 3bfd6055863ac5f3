#[command(decide = Account::deposit)]
pub struct Deposit {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Command for Deposit {
        type Error = <Account as __annalist::State>::Error;
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
            <Account as __annalist::State>::declare(types, "account");
        }
    }
    #[automatically_derived]
    impl __annalist::Handled for Deposit {
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
                    "deposit",
                    |command, loader| <Account as __annalist::State>::load(
                        loader,
                        __annalist::id_field(&command.account),
                    ),
                    |states, command, context| {
                        __annalist::decision(
                            __annalist::decide_1(
                                states,
                                command,
                                context,
                                __annalist::WithoutContext,
                                Account::deposit,
                            ),
                        )
                    },
                ),
            )
        }
    }
};
