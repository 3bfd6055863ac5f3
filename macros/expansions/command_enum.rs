#[command(error = BankError)]
pub enum BankCommand {
    Deposit(Deposit),
    Transfer(Transfer),
}
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Command for BankCommand {
        type Error = BankError;
        fn dispatch<__D: __annalist::Dispatcher>(
            self,
            dispatcher: __D,
        ) -> __D::Out<<Self as __annalist::Command>::Error> {
            use __annalist::ConvertMemberError as _;
            __annalist::MemberError(()).__annalist_used();
            match self {
                Self::Deposit(command) => {
                    <Deposit as __annalist::Member>::forward::<
                        __D,
                        <Self as __annalist::Command>::Error,
                    >(
                        command,
                        dispatcher,
                        |error| __annalist::MemberError(error).__annalist_convert(),
                    )
                }
                Self::Transfer(command) => {
                    <Transfer as __annalist::Member>::forward::<
                        __D,
                        <Self as __annalist::Command>::Error,
                    >(
                        command,
                        dispatcher,
                        |error| __annalist::MemberError(error).__annalist_convert(),
                    )
                }
            }
        }
        fn declare(types: &mut __annalist::CommandTypes) {
            <Deposit as __annalist::Member>::declare(types);
            <Transfer as __annalist::Member>::declare(types);
        }
    }
};
