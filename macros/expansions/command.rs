#[command(decide = Account::deposit)]
pub struct Deposit {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Command for Deposit {
        type Error = <Account as __annalist::State>::Error;
        fn dispatch<__D: __annalist::Dispatcher>(
            self,
            dispatcher: __D,
        ) -> __D::Out<Self::Error> {
            __annalist::Dispatcher::run(
                dispatcher,
                self,
                __annalist::Handler::<Self, _, _, Self::Error> {
                    name: "deposit",
                    load: |command, loader| <Account as __annalist::State>::load(
                        loader,
                        <AccountId as __annalist::StateIds>::ids(&command.account),
                    ),
                    decide: |states, command, _| __annalist::decision(
                        Account::deposit(states, command),
                    ),
                },
            )
        }
    }
};
