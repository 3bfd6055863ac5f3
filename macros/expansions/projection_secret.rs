#[projection(name = "contacts", on(CustomerEvent = >Contact::apply))]
struct Contact {
    #[key]
    customer: CustomerId,
    #[secret(subject = customer, lookup)]
    email: Secret<String>,
    #[secret(subject = customer)]
    phone: Option<Secret<String>>,
}
const _: () = {
    use ::annalist::__private as __annalist;
    use __annalist::NotAColumn as _;
    #[automatically_derived]
    impl __annalist::Projection for Contact {
        type Key = CustomerId;
        const TABLE: __annalist::Table = __annalist::Table {
            projection: "contacts",
            version: 1u32,
            build: 0,
            columns: &[
                __annalist::Column {
                    name: "customer",
                    kind: __annalist::ColumnOf::<CustomerId>::__ANNALIST_TYPE,
                    nullable: __annalist::ColumnOf::<CustomerId>::__ANNALIST_NULLABLE,
                    role: __annalist::Role::Key,
                },
                __annalist::Column {
                    name: "email",
                    kind: <Secret<String> as __annalist::SecretColumn>::TYPE,
                    nullable: <Secret<String> as __annalist::SecretColumn>::NULLABLE,
                    role: __annalist::Role::Encrypted,
                },
                __annalist::Column {
                    name: "email_lookup",
                    kind: <Secret<String> as __annalist::SecretColumn>::TYPE,
                    nullable: true,
                    role: __annalist::Role::Lookup,
                },
                __annalist::Column {
                    name: "phone",
                    kind: <Option<Secret<String>> as __annalist::SecretColumn>::TYPE,
                    nullable: <Option<
                        Secret<String>,
                    > as __annalist::SecretColumn>::NULLABLE,
                    role: __annalist::Role::Encrypted,
                },
            ],
        };
        const EVENTS: &'static [__annalist::Types] = &[
            <CustomerEvent as __annalist::OnRow>::TYPES,
        ];
        const BY_IDS: __annalist::std::primitive::bool = true;
        const KEY_FUNCTIONS: &'static [&'static __annalist::std::primitive::str] = &[""];
        const READS_SECRETS: __annalist::std::primitive::bool = false;
        fn initial(key: CustomerId) -> Self {
            __annalist::ColumnOf::<()>::__annalist_used();
            Self {
                customer: key,
                email: <Secret<String> as __annalist::InitialValue>::initial_value(),
                phone: <Option<
                    Secret<String>,
                > as __annalist::InitialValue>::initial_value(),
            }
        }
        fn plan_record<'__a>(
            record: &'__a __annalist::Record,
            codec: &__annalist::Codec,
            steps: &mut __annalist::RowOps<'__a, Self>,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            <CustomerEvent as __annalist::OnRow>::by_ids(
                record,
                codec,
                steps,
                Contact::apply,
            )?;
            __annalist::std::result::Result::Ok(())
        }
        fn to_row(
            &self,
        ) -> __annalist::std::result::Result<__annalist::Row, __annalist::Invalid> {
            let mut row = __annalist::RowWriter::new(
                <Self as __annalist::Projection>::TABLE,
            );
            __annalist::RowWriter::put(
                &mut row,
                __annalist::ColumnOf::<CustomerId>::__annalist_to_value,
                &self.customer,
            )?;
            __annalist::RowWriter::put_secret(
                &mut row,
                <Secret<String> as __annalist::SecretColumn>::to_value,
                &self.email,
                __annalist::RowWriter::subject(&self.customer),
            )?;
            __annalist::RowWriter::put_secret(
                &mut row,
                <Option<Secret<String>> as __annalist::SecretColumn>::to_value,
                &self.phone,
                __annalist::RowWriter::subject(&self.customer),
            )?;
            __annalist::std::result::Result::Ok(__annalist::RowWriter::finish(row))
        }
        fn from_row(
            row: __annalist::Row,
        ) -> __annalist::std::result::Result<Self, __annalist::Invalid> {
            let mut row = __annalist::RowReader::new(
                <Self as __annalist::Projection>::TABLE,
                row,
            );
            __annalist::std::result::Result::Ok(Self {
                customer: __annalist::RowReader::take(
                    &mut row,
                    __annalist::ColumnOf::<CustomerId>::__annalist_from_value,
                )?,
                email: __annalist::RowReader::take_secret(
                    &mut row,
                    <Secret<String> as __annalist::SecretColumn>::from_value,
                )?,
                phone: __annalist::RowReader::take_secret(
                    &mut row,
                    <Option<Secret<String>> as __annalist::SecretColumn>::from_value,
                )?,
            })
        }
    }
    const _: () = __annalist::std::assert!(
        ! __annalist::ColumnOf:: < CustomerId > ::__ANNALIST_NULLABLE,
        "a key cannot be NULL: use the type inside the `Option`"
    );
    const _: () = __annalist::std::assert!(
        __annalist::reaches_row:: < Contact > (),
        "no event of `Contact` carries an id of the kind of `CustomerId`, so it would stay empty: write `#[id]` on the field of the event that holds the key, or `by` and a function that returns the key"
    );
};
