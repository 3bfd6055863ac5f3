use super::*;
use crate::rows::{Bound, Filter, RowQuery, Sort};

/// A database without special syntax, but with a limit on the length of indexed texts.
struct Plain;

impl Dialect for Plain {
    fn relation(&self, name: &str) -> String {
        format!("rows.{}", quoted(name))
    }

    fn index(&self, name: &str) -> String {
        quoted(name)
    }

    fn column_type(&self, kind: ColumnType) -> &'static str {
        if kind == ColumnType::Text { "text" } else { "number" }
    }

    fn nulls_first(&self) -> &'static str {
        " NULLS FIRST"
    }

    fn longest_indexed(&self) -> Option<usize> {
        Some(4)
    }

    fn parameter(&self, number: usize) -> String {
        format!("${number}")
    }

    fn keys_source(&self, key: &[&Column]) -> String {
        format!("keys_of_{} AS given", key.len())
    }

    fn values_source(&self, columns: &[Column]) -> String {
        format!("VALUES rows_of_{}", columns.len())
    }
}

const fn column(name: &'static str, kind: ColumnType, role: Role) -> Column {
    Column { name, kind, nullable: false, role }
}

const ORDERS: Table = Table {
    projection: "orders",
    version: 2,
    build: 0,
    columns: &[
        column("order", ColumnType::Int, Role::Key),
        column("line", ColumnType::Int, Role::Key),
        Column { name: "amount", kind: ColumnType::Int, nullable: true, role: Role::Index },
        column("user", ColumnType::Text, Role::Index),
    ],
};

const MEMBERS: Table = Table {
    projection: "members",
    version: 1,
    build: 0,
    columns: &[column("member", ColumnType::Int, Role::Key)],
};

fn orders() -> TableSql<'static> {
    TableSql::new(&Plain, &ORDERS).unwrap()
}

fn query() -> RowQuery<'static> {
    RowQuery { table: &ORDERS, filters: vec![], sort: None, after: None, limit: 10 }
}

fn key() -> Key {
    vec![Value::Int(7), Value::Int(1)]
}

fn by(column: usize, descending: bool) -> RowQuery<'static> {
    RowQuery { sort: Some(Sort { column, descending }), ..query() }
}

fn statement(query: &RowQuery<'_>) -> String {
    let SelectStatement { sql, .. } = orders().find(query).unwrap();
    sql.replace(r#"SELECT "order", "line", "amount", "user" FROM rows."orders_v2""#, "SELECT …")
}

#[test]
fn table_has_a_key_and_indexes_that_end_with_the_key() {
    assert_eq!(
        orders().create(),
        [
            "CREATE TABLE rows.\"orders_v2\" (\n  \"order\" number NOT NULL,\n  \"line\" number NOT NULL,\n  \
             \"amount\" number,\n  \"user\" text NOT NULL,\n  \
             CONSTRAINT \"orders.2.key\" PRIMARY KEY (\"order\", \"line\")\n)",
            r#"CREATE INDEX "orders.2.2" ON rows."orders_v2" ("amount" NULLS FIRST, "order", "line")"#,
            r#"CREATE INDEX "orders.2.3" ON rows."orders_v2" ("user", "order", "line") WHERE (octet_length("user") > 4) IS NOT TRUE"#,
            r#"CREATE INDEX "orders.2+3" ON rows."orders_v2" ("order", "line") WHERE octet_length("user") > 4"#,
        ]
    );
    assert_eq!(
        orders().view(),
        r#"CREATE VIEW rows."orders" AS SELECT "order", "line", "amount", "user" FROM rows."orders_v2""#
    );
}

#[test]
fn rows_are_selected_deleted_and_upserted_by_key() {
    assert_eq!(
        orders().select(),
        r##"SELECT given."#", "order", "line", "amount", "user" FROM keys_of_2 AS given CROSS JOIN rows."orders_v2" WHERE "order" = given."0" AND "line" = given."1""##
    );
    assert_eq!(
        orders().delete(),
        r#"DELETE FROM rows."orders_v2" WHERE ("order", "line") IN (SELECT given."0", given."1" FROM keys_of_2 AS given)"#
    );
    assert_eq!(
        orders().upsert(),
        r#"INSERT INTO rows."orders_v2" ("order", "line", "amount", "user") VALUES rows_of_4 ON CONFLICT ("order", "line") DO UPDATE SET "amount" = excluded."amount", "user" = excluded."user""#
    );
    assert_eq!(
        TableSql::new(&Plain, &MEMBERS).unwrap().upsert(),
        r#"INSERT INTO rows."members_v1" ("member") VALUES rows_of_1 ON CONFLICT ("member") DO NOTHING"#
    );
}

#[test]
fn page_without_nulls_is_one_scan() {
    assert_eq!(statement(&query()), r#"SELECT … ORDER BY "order", "line" LIMIT $1"#);
    let after = RowQuery { after: Some((None, key())), ..query() };
    assert_eq!(
        statement(&after),
        r#"SELECT … WHERE ("order", "line") > ($1, $2) ORDER BY "order", "line" LIMIT $3"#
    );
    let up = RowQuery { after: Some((Some(Value::Int(5)), key())), ..by(2, false) };
    assert_eq!(
        statement(&up),
        r#"SELECT … WHERE ("amount", "order", "line") > ($1, $2, $3) ORDER BY "amount" NULLS FIRST, "order", "line" LIMIT $4"#
    );
    let by_key = RowQuery { after: Some((Some(Value::Int(1)), key())), ..by(1, true) };
    assert_eq!(
        statement(&by_key),
        r#"SELECT … WHERE ("line", "order") < ($1, $2) ORDER BY "line" DESC, "order" DESC LIMIT $3"#
    );
}

#[test]
fn page_crossing_nulls_is_union_of_two_scans() {
    let down = RowQuery { after: Some((Some(Value::Int(5)), key())), ..by(2, true) };
    let order = r#"ORDER BY "amount" DESC NULLS LAST, "order" DESC, "line" DESC LIMIT $4"#;
    assert_eq!(
        statement(&down),
        format!(
            r#"SELECT * FROM (SELECT * FROM (SELECT … WHERE ("amount", "order", "line") < ($1, $2, $3) {order}) AS part0 UNION ALL SELECT * FROM (SELECT … WHERE "amount" IS NULL {order}) AS part1) AS found {order}"#
        )
    );
    let from_null = RowQuery { after: Some((Some(Value::Null), key())), ..by(2, false) };
    let sql = statement(&from_null);
    assert!(sql.contains(r#"WHERE "amount" IS NULL AND ("order", "line") > ($1, $2) ORDER"#), "{sql}");
    assert!(sql.contains(r#"WHERE "amount" IS NOT NULL ORDER"#), "{sql}");
}

#[test]
fn query_by_text_with_two_indexes_uses_both() {
    let sql = statement(&by(3, false));
    assert!(
        sql.contains(r#"SELECT … WHERE (octet_length("user") > 4) IS NOT TRUE ORDER BY "user","#),
        "{sql}"
    );
    assert!(sql.contains(r#"SELECT … WHERE octet_length("user") > 4 ORDER BY "user","#), "{sql}");
    let filtered = |bound| statement(&RowQuery { filters: vec![Filter { column: 3, bound }], ..query() });
    let text = |text: &str| Value::Text(text.to_owned());
    let short = r#"(octet_length("user") > 4) IS NOT TRUE AND "user" "#;
    let long = r#"octet_length("user") > 4 AND "user" "#;
    assert!(filtered(Bound::Equal(text("anna"))).contains(&format!("WHERE {short}= $1 ORDER")));
    assert!(filtered(Bound::Equal(text("annalist"))).contains(&format!("WHERE {long}= $1 ORDER")));
    let prefix = filtered(Bound::Prefix("an".to_owned()));
    assert!(
        prefix.contains(&format!(
            r#"WHERE ({short}>= $1 AND "user" < $2 OR {long}>= $1 AND "user" < $2) ORDER"#
        )),
        "{prefix}"
    );
}

#[test]
fn every_bound_is_defined_for_null() {
    let sql = |bound| {
        let SelectStatement { sql, values } =
            orders().find(&RowQuery { filters: vec![Filter { column: 2, bound }], ..query() }).unwrap();
        assert!(!values.contains(&Value::Null));
        sql
    };
    assert!(sql(Bound::Equal(Value::Null)).contains(r#""amount" IS NULL"#));
    assert!(sql(Bound::Above(Value::Null)).contains(r#""amount" IS NOT NULL"#));
    assert!(sql(Bound::Below(Value::Null)).contains("1 = 0"));
    assert!(sql(Bound::Prefix("a".to_owned())).contains("1 = 0"));
    assert!(sql(Bound::AtMost(Value::Int(1))).contains(r#""amount" <= $1"#));
}

#[test]
fn values_that_do_not_fit_the_table_are_rejected() {
    let sql = orders();
    let row = || vec![Value::Int(1), Value::Int(2), Value::Null, Value::Text("a".to_owned())];
    assert!(sql.check(&[row()], &[key()]).is_ok());
    assert!(sql.check(&[], &[vec![Value::Int(1)]]).is_err());
    for (column, value) in
        [(0, Value::Null), (1, Value::Bool(true)), (2, Value::Float(0.5)), (3, Value::Text("\0".to_owned()))]
    {
        let mut row = row();
        row[column] = value;
        assert!(sql.check(&[row], &[]).is_err(), "column {column}");
    }
    assert!(sql.find(&by(9, false)).is_err());
    assert!(sql.find(&RowQuery { after: Some((Some(Value::Bool(true)), key())), ..by(2, false) }).is_err());
    assert!(sql.find(&RowQuery { after: Some((None, vec![])), ..query() }).is_err());
    const BY_NUMBER: Table = Table {
        projection: "x",
        version: 1,
        build: 0,
        columns: &[column("x", ColumnType::Float, Role::Key)],
    };
    assert!(TableSql::new(&Plain, &BY_NUMBER).is_err());
}
