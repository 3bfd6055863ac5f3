#[id(secret, after_forget = "free")]
pub struct Email(String);
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Id for Email {
        const KIND: &'static __annalist::std::primitive::str = "email";
        const SHARED: __annalist::std::primitive::bool = false;
        const SECRET: __annalist::std::option::Option<__annalist::AfterForget> = __annalist::std::option::Option::Some(
            __annalist::AfterForget::Free,
        );
        type Inner = String;
        fn as_inner(&self) -> &String {
            &self.0
        }
        fn from_inner(inner: String) -> Self {
            Self(inner)
        }
    }
    #[automatically_derived]
    impl __annalist::std::fmt::Display for Email {
        fn fmt(
            &self,
            formatter: &mut __annalist::std::fmt::Formatter<'_>,
        ) -> __annalist::std::fmt::Result {
            <String as __annalist::std::fmt::Display>::fmt(&self.0, formatter)
        }
    }
    #[automatically_derived]
    impl __annalist::std::str::FromStr for Email {
        type Err = <String as __annalist::std::str::FromStr>::Err;
        fn from_str(
            text: &__annalist::std::primitive::str,
        ) -> __annalist::std::result::Result<
            Self,
            <Self as __annalist::std::str::FromStr>::Err,
        > {
            __annalist::std::result::Result::map(
                <String as __annalist::std::str::FromStr>::from_str(text),
                Self,
            )
        }
    }
    #[automatically_derived]
    impl __annalist::serde::Serialize for Email {
        fn serialize<__S: __annalist::serde::Serializer>(
            &self,
            serializer: __S,
        ) -> __annalist::std::result::Result<__S::Ok, __S::Error> {
            __annalist::write_secret_id(self, &self.0, serializer)
        }
    }
    #[automatically_derived]
    impl<'de> __annalist::serde::Deserialize<'de> for Email {
        fn deserialize<__D: __annalist::serde::Deserializer<'de>>(
            deserializer: __D,
        ) -> __annalist::std::result::Result<Self, __D::Error> {
            __annalist::std::result::Result::map(
                __annalist::read_secret_id::<String, __D>(deserializer),
                Self,
            )
        }
    }
    #[automatically_derived]
    impl __annalist::std::fmt::Debug for Email {
        fn fmt(
            &self,
            formatter: &mut __annalist::std::fmt::Formatter<'_>,
        ) -> __annalist::std::fmt::Result {
            __annalist::std::fmt::Formatter::write_str(formatter, "Email(…)")
        }
    }
};
