//! Every value of a column is stored unchanged, and returned by lookups and queries.

use annalist_core::{
    Error,
    rows::{self, Bound, ColumnType, Date, Decimal, Field, Role, Row, Table, TimeOfDay, Value},
    time::Timestamp,
};

use crate::{
    failure::Outcome,
    support::{concurrency::yield_now, log::Log, rows::*},
};

cases!("row_values" needs [Rows]: [
    extreme_values_of_every_type,
    null_differs_from_every_zero_value,
    texts_keep_every_byte,
    json_keeps_every_byte,
    texts_with_nul_are_visible_and_found,
    text_of_one_megabyte,
    long_texts_in_an_indexed_column,
    values_are_replaced_by_other_values,
] durable [
    values_survive_reopen,
]);

/// An event may contain NUL, which not every database can store in a text: a column stores a symbol in its place.
async fn texts_with_nul_are_visible_and_found(log: Log) -> Outcome {
    let table = table(
        "nul",
        1,
        vec![
            column("key", ColumnType::Text, Role::Key),
            column("text", ColumnType::Text, Role::Index),
            column("json", ColumnType::Json, Role::Plain),
        ],
    );
    let texts =
        ["", "a", "a\0", "a\0b", "a\u{2400}b", "a\u{241b}\u{2400}b", "\0", "\0\0", "\u{241b}", "\\u0000"];
    let store = log.rows();
    store.define_table(&table).await?;
    let row = |text: &str| -> Result<Row, Error> {
        let text = text.to_owned();
        Ok(vec![text.to_value()?, text.to_value()?, rows::JsonField::to_value(&vec![text])?])
    };
    let stored = texts.iter().map(|text| row(text)).collect::<Result<Vec<Row>, _>>()?;
    store.write_rows(&table, stored.clone()).await?;
    let visible = Value::Text("a\u{2400}b".to_owned());
    ensure_eq!(stored[3][1], visible, "column for a text with NUL");
    for (text, stored) in texts.into_iter().zip(&stored) {
        let found = store.rows(&table, &[vec![text.to_owned().to_value()?]]).await?;
        ensure_eq!(found, [Some(stored.clone())], "row with the key {text:?}");
        let query = select_all(&table).filter(1, Bound::Equal(text.to_owned().to_value()?));
        let found = store.find(&query).await?;
        ensure_eq!(found, std::slice::from_ref(stored), "rows with the text {text:?}");
        let [key, column, json] = found[0].clone().try_into().expect("three columns");
        ensure_eq!(String::from_value(key)?, text, "key that was read back");
        ensure_eq!(String::from_value(column)?, text, "text that was read back");
        ensure_eq!(<Vec<String> as rows::JsonField>::from_value(json)?, [text], "JSON that was read back");
    }
    Ok(())
}

/// Values of one type that a store can easily damage, all different.
pub(super) fn extremes(kind: ColumnType) -> Vec<Value> {
    match kind {
        ColumnType::Bool => vec![Value::Bool(false), Value::Bool(true)],
        ColumnType::Int => {
            let edges = [i64::MIN, -(1 << 53) - 1, i64::from(i32::MIN) - 1, -1, 0, 1, 1 << 31, (1 << 53) + 1];
            edges.into_iter().chain([i64::MAX - 1, i64::MAX]).map(int).collect()
        }
        ColumnType::Float => [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.5,
            -f64::MIN_POSITIVE,
            -5e-324,
            0.0,
            5e-324,
            f64::MIN_POSITIVE,
            0.1,
            0.1 + 0.2,
            1.0,
            1e15 + 0.3,
            9_007_199_254_740_993.0,
            1e300,
            f64::MAX,
            f64::INFINITY,
        ]
        .map(float)
        .into(),
        ColumnType::Text => unusual_texts().into_iter().map(text).collect(),
        ColumnType::Uuid => [0, 1, 1 << 64, u128::MAX >> 1, u128::MAX - 1, u128::MAX].map(uuid).into(),
        ColumnType::Time => {
            let (first, last) = (Timestamp::MIN.as_micros(), Timestamp::MAX.as_micros());
            let today = 1_769_860_800_123_456;
            [first, first + 1, -1_000_001, -1, 0, 1, 999_999, today, today + 1, last - 1, last]
                .map(time)
                .into()
        }
        ColumnType::Json => unusual_json().into_iter().map(|text| json(&text)).collect(),
        ColumnType::Date => {
            let (first, last) = (Date::MIN.as_days(), Date::MAX.as_days());
            // The last day before the year 1000, and days around 1970 and 2000.
            let days =
                [first, first + 1, -354_286, -354_285, -1, 0, 1, 10_956, 10_957, 20_484, last - 1, last];
            days.map(date).into()
        }
        ColumnType::TimeOfDay => {
            let last = TimeOfDay::MAX.as_micros();
            [0, 1, 999_999, 1_000_000, 43_200_000_000, last - 1, last].map(time_of_day).into()
        }
        ColumnType::Decimal => extreme_decimals(),
    }
}

/// Decimal numbers with many digits, with few, and in which the digits in front of the point and after it are nearly alike.
fn extreme_decimals() -> Vec<Value> {
    let (most, scale) = (Decimal::MAX.mantissa(), Decimal::MAX_SCALE);
    let positive = [
        (most, 0),
        (most - 1, 0),
        (most, 1),
        (most, 14),
        (most, scale),
        (most - 1, scale),
        (1, 0),
        (1, scale),
        (10_i128.pow(28), 0),
        (9_999, 0),
        (10_000, 0),
        (10_001, 0),
        (99_999_999, 4),
        (1, 4),
        (1, 5),
        (12, 0),
        (125, 1),
        (1_255, 2),
        (1_205, 2),
        (2, 0),
        (100, 0),
        ((1 << 53) + 1, 0),
        ((1 << 53) + 1, 3),
    ];
    let numbers = positive.into_iter().flat_map(|(mantissa, scale)| [(mantissa, scale), (-mantissa, scale)]);
    numbers.chain([(0, 0)]).map(|(mantissa, scale)| decimal(mantissa, scale)).collect()
}

fn unusual_texts() -> Vec<String> {
    let controls: String = (1..=0x1f).chain([0x7f]).filter_map(char::from_u32).collect();
    let unusual = [
        "",
        " ",
        "  ",
        "a",
        "A",
        "a ",
        " a",
        "\t",
        "\n",
        "\r\n",
        "\u{1}",
        "\u{1f}",
        "\u{7f}",
        "\u{80}",
        "'",
        "''",
        "\"",
        "\\",
        "\\\\",
        "\\n",
        "\\N",
        "\\x00",
        "%",
        "_",
        "%s",
        "$1",
        "?",
        ":x",
        "{}",
        "{a,b}",
        "(a)",
        ",",
        "NULL",
        "null",
        "0",
        "00",
        "1",
        "1.0",
        "1e3",
        "true",
        "t",
        "-",
        "--",
        "/*",
        ";",
        "é",
        "e\u{301}",
        "É",
        "ß",
        "ss",
        "İ",
        "i",
        "日本",
        "😀",
        "\u{fffd}",
        "\u{feff}",
        "\u{200b}",
        "\u{2028}",
        "\u{e000}",
        "\u{10ffff}",
        "2026-01-31T12:00:00Z",
        "00000000-0000-0000-0000-000000000000",
    ];
    unusual.into_iter().map(str::to_owned).chain([controls]).collect()
}

fn unusual_json() -> Vec<String> {
    let unusual = [
        "null",
        "true",
        "\"\"",
        "0",
        "-0",
        "-0.0",
        "1e308",
        "1E-7",
        "0.1000",
        "18446744073709551616",
        "123456789012345678901234567890.123456789",
        "[]",
        "[ ]",
        "{}",
        " {} ",
        "\n{\t\"a\" :1\r\n}\n",
        r#"{"b":1,"a":2,"B":3}"#,
        r#"{"a":1,"a":2}"#,
        r#""\u0000""#,
        r#"{"\u0000":"a\u0000b"}"#,
        r#""\u001f\u007f""#,
        r#""\uD83D\uDE00 😀""#,
        r#""\/ / \\ \" ' '' %s {} $1 ? :x""#,
        "\"é e\u{301} \u{feff} \u{200b} \u{2028}\"",
        "\"null\"",
    ];
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    unusual.into_iter().map(str::to_owned).chain([deep]).collect()
}

pub(super) const KINDS: [(&str, ColumnType); 10] = [
    ("bool", ColumnType::Bool),
    ("int", ColumnType::Int),
    ("float", ColumnType::Float),
    ("text", ColumnType::Text),
    ("uuid", ColumnType::Uuid),
    ("time", ColumnType::Time),
    ("json", ColumnType::Json),
    ("date", ColumnType::Date),
    ("time_of_day", ColumnType::TimeOfDay),
    ("decimal", ColumnType::Decimal),
];

/// A table with a number as key and a nullable value.
fn table_of(name: &str, kind: ColumnType, role: Role) -> Table {
    let columns = vec![column("id", ColumnType::Int, Role::Key), optional("value", kind, role)];
    table(&format!("of_{name}"), 1, columns)
}

/// Writes rows and expects to find them with a lookup and with a query.
pub(super) async fn check_round_trip(rows: &TestRows, table: &Table, expected: &[Row]) -> Outcome {
    rows.write_rows(table, expected.to_vec()).await?;
    let keys: Vec<_> = expected.iter().map(|row| table.key_of(row)).collect();
    let found = rows.rows(table, &keys).await?;
    ensure_eq!(found.len(), expected.len(), "number of results of a lookup in `{}`", table.name());
    for (found, expected) in found.iter().zip(expected) {
        ensure_eq!(found.as_ref(), Some(expected), "row of `{}`, found by its key", table.name());
    }
    let all = rows.all_rows(table).await?;
    ensure_eq!(all.len(), expected.len(), "number of rows of `{}`", table.name());
    for row in &all {
        ensure!(
            expected.contains(row),
            "a query of `{}` returned {row:?}, which was never written",
            table.name()
        );
    }
    Ok(())
}

fn numbered(values: Vec<Value>) -> Vec<Row> {
    (0..).map(int).zip(values).map(|(id, value)| vec![id, value]).collect()
}

async fn extreme_values_of_every_type(log: Log) -> Outcome {
    let rows = log.rows();
    for (name, kind) in KINDS {
        let values = numbered(extremes(kind));
        check_round_trip(&rows, &table_of(name, kind, Role::Plain), &values).await?;
        if kind != ColumnType::Json {
            check_round_trip(&rows, &table_of(&format!("indexed_{name}"), kind, Role::Index), &values)
                .await?;
        }
    }
    Ok(())
}

async fn null_differs_from_every_zero_value(log: Log) -> Outcome {
    let rows = log.rows();
    let columns = KINDS.map(|(name, kind)| optional(name, kind, Role::Plain));
    let all = table("nulls", 1, [vec![column("id", ColumnType::Int, Role::Key)], columns.into()].concat());
    let zeros = [
        Value::Bool(false),
        int(0),
        float(0.0),
        text(""),
        uuid(0),
        Value::Time(Timestamp::EPOCH),
        json("null"),
        date(0),
        time_of_day(0),
        decimal(0, 0),
    ];
    let count = zeros.len();
    let mut expected = vec![vec![int(0); 1], vec![int(1); 1]];
    expected[0].extend(zeros.clone());
    expected[1].extend(vec![Value::Null; count]);
    for (n, id) in (0..count).zip(2..) {
        // One NULL among zero values, and one zero value among NULLs.
        let with = |one: Value, others: &[Value]| {
            let mut row = others.to_vec();
            row[n] = one;
            row
        };
        expected.push([vec![int(id)], with(Value::Null, &zeros)].concat());
        expected.push([vec![int(id + 100)], with(zeros[n].clone(), &vec![Value::Null; count])].concat());
    }
    check_round_trip(&rows, &all, &expected).await
}

async fn texts_keep_every_byte(log: Log) -> Outcome {
    let rows = log.rows();
    // Every character below U+3000, and a sample of the others.
    let characters = (1..0x3000).chain((0x3000..=0x10_ffff).step_by(251)).filter_map(char::from_u32);
    let characters: Vec<char> = characters.collect();
    let texts = characters.chunks(16).map(|chunk| text(chunk.iter().collect::<String>()));
    check_round_trip(&rows, &table_of("texts", ColumnType::Text, Role::Plain), &numbered(texts.collect()))
        .await
}

async fn json_keeps_every_byte(log: Log) -> Outcome {
    let rows = log.rows();
    let columns = vec![
        column("id", ColumnType::Text, Role::Key),
        column("always", ColumnType::Json, Role::Plain),
        optional("maybe", ColumnType::Json, Role::Plain),
    ];
    let table = table("documents", 1, columns);
    let row =
        |(n, document): (usize, String)| vec![text(format!("{n:03}")), json(&document), json(&document)];
    let expected: Vec<Row> = unusual_json().into_iter().enumerate().map(row).collect();
    check_round_trip(&rows, &table, &expected).await?;
    let large = format!("{{\"é\":\"{}\"}}", "aé\\n".repeat(200_000));
    check_round_trip(
        &rows,
        &table,
        &[expected, vec![vec![text("large"), json(&large), Value::Null]]].concat(),
    )
    .await
}

async fn text_of_one_megabyte(log: Log) -> Outcome {
    let rows = log.rows();
    let table = table_of("large", ColumnType::Text, Role::Plain);
    let large = |filler: &str| text(filler.repeat(1_000_000 / filler.len()));
    let values = ["a", "é", "😀", "\\", "'", "\n", "\u{1f}"].map(large);
    check_round_trip(&rows, &table, &numbered(values.into())).await
}

async fn long_texts_in_an_indexed_column(log: Log) -> Outcome {
    let rows = log.rows();
    let table = table_of("indexed", ColumnType::Text, Role::Index);
    let mut random = log.random("long texts");
    // A long common prefix of random characters, which cannot be compressed.
    let prefix: String = (0..20_000).map(|_| random.char('!'..='~')).collect();
    let values: Vec<Value> = ["", "a", "b", "é"].map(|end| text(format!("{prefix}{end}"))).into();
    check_round_trip(&rows, &table, &numbered(values.clone())).await?;
    for (n, value) in (0..).zip(&values) {
        let found = rows.find(&select_all(&table).filter(1, Bound::Equal(value.clone()))).await?;
        ensure_eq!(found.len(), 1, "number of rows with one of the long texts");
        ensure_eq!(found[0][0], int(n), "key of the row with one of the long texts");
    }
    let found = rows.find(&select_all(&table).filter(1, Bound::Prefix(prefix)).order_by(1, true)).await?;
    let order: Vec<Value> = found.into_iter().map(|row| row[0].clone()).collect();
    ensure_eq!(order, [3, 2, 1, 0].map(int), "keys of the rows with the common prefix, greatest text first");
    Ok(())
}

async fn values_are_replaced_by_other_values(log: Log) -> Outcome {
    let rows = log.rows();
    for (name, kind) in KINDS {
        let table = table_of(name, kind, Role::Plain);
        let values = extremes(kind);
        for shift in 0..3 {
            let mut rotated = values.clone();
            rotated.rotate_left(shift % values.len());
            if shift == 1 {
                rotated[0] = Value::Null;
            }
            check_round_trip(&rows, &table, &numbered(rotated)).await?;
            yield_now().await;
        }
    }
    Ok(())
}

async fn values_survive_reopen(log: Log) -> Outcome {
    let mut log = log;
    for (name, kind) in KINDS {
        let table = table_of(name, kind, Role::Plain);
        let expected = numbered(extremes(kind));
        check_round_trip(&log.rows(), &table, &expected).await?;
        log = log.reopened().await?;
        ensure_eq!(
            log.rows().all_rows(&table).await?,
            expected,
            "values of {kind:?} after the log was reopened"
        );
    }
    Ok(())
}
