pub struct AccountId(Uuid);
const _: () = {
    use ::annalist::__private as __annalist;
    #[automatically_derived]
    impl __annalist::Id for AccountId {
        const KIND: &'static __annalist::std::primitive::str = "account";
        const SHARED: __annalist::std::primitive::bool = false;
        type Inner = Uuid;
        fn as_inner(&self) -> &Uuid {
            &self.0
        }
        fn from_inner(inner: Uuid) -> Self {
            Self(inner)
        }
    }
    #[automatically_derived]
    impl __annalist::std::fmt::Display for AccountId {
        fn fmt(
            &self,
            formatter: &mut __annalist::std::fmt::Formatter<'_>,
        ) -> __annalist::std::fmt::Result {
            <Uuid as __annalist::std::fmt::Display>::fmt(&self.0, formatter)
        }
    }
    #[automatically_derived]
    impl __annalist::std::str::FromStr for AccountId {
        type Err = <Uuid as __annalist::std::str::FromStr>::Err;
        fn from_str(
            text: &__annalist::std::primitive::str,
        ) -> __annalist::std::result::Result<
            Self,
            <Self as __annalist::std::str::FromStr>::Err,
        > {
            __annalist::std::result::Result::map(
                <Uuid as __annalist::std::str::FromStr>::from_str(text),
                Self,
            )
        }
    }
    #[automatically_derived]
    impl __annalist::serde::Serialize for AccountId {
        fn serialize<__S: __annalist::serde::Serializer>(
            &self,
            serializer: __S,
        ) -> __annalist::std::result::Result<__S::Ok, __S::Error> {
            <Uuid as __annalist::serde::Serialize>::serialize(&self.0, serializer)
        }
    }
    #[automatically_derived]
    impl<'de> __annalist::serde::Deserialize<'de> for AccountId {
        fn deserialize<__D: __annalist::serde::Deserializer<'de>>(
            deserializer: __D,
        ) -> __annalist::std::result::Result<Self, __D::Error> {
            __annalist::std::result::Result::map(
                <Uuid as __annalist::serde::Deserialize<'de>>::deserialize(deserializer),
                Self,
            )
        }
    }
};
