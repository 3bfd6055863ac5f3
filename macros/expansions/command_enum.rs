#[command(error = BankError)]
pub enum BankCommand {
    Deposit(Deposit),
    Transfer(Transfer),
}
#[allow(deprecated, unused_qualifications)]
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Command for BankCommand {
        type Error = BankError;
        fn dispatch<__D: __annalist::Dispatcher>(
            self,
            dispatcher: __D,
        ) -> __D::Out<Self::Error> {
            #[allow(unused_imports)]
            use __annalist::ConvertMemberError as _;
            match self {
                Self::Deposit(command) => {
                    <Deposit as __annalist::Member>::forward::<
                        __D,
                        Self::Error,
                    >(
                        command,
                        dispatcher,
                        |error| __annalist::MemberError(error).convert_member_error(),
                    )
                }
                Self::Transfer(command) => {
                    <Transfer as __annalist::Member>::forward::<
                        __D,
                        Self::Error,
                    >(
                        command,
                        dispatcher,
                        |error| __annalist::MemberError(error).convert_member_error(),
                    )
                }
            }
        }
    }
};
