#[command(decides = "deposit")]
pub struct Deposit {
    #[id]
    pub account: AccountId,
}
::core::compile_error! {
    "unknown key `decides`, did you mean `decide`? known keys: `decide`, `state`, `error`, `context`, `name`, `crate`"
}
const _: () = {
    use ::annalist::__private as __annalist;
    impl __annalist::Command for Deposit {
        type Error = __annalist::std::convert::Infallible;
        fn dispatch<__D: __annalist::Dispatcher>(
            self,
            _: __D,
        ) -> __D::Out<<Self as __annalist::Command>::Error> {
            __annalist::std::unimplemented!()
        }
        fn declare(_: &mut __annalist::CommandTypes) {
            __annalist::std::unimplemented!()
        }
    }
};
