//! Every value that a column may keep comes back equal, from a lookup by key and from a query.

use annalist_core::{
    rows::{Bound, ColumnType, Role, Row, Table, Value},
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
    text_of_one_megabyte,
    long_texts_in_an_indexed_column,
    values_are_replaced_by_other_values,
] durable [
    values_survive_reopen,
]);

/// Values of one type that are easily damaged. No two of them are the same.
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
        ColumnType::Text => odd_texts().into_iter().map(text).collect(),
        ColumnType::Uuid => [0, 1, 1 << 64, u128::MAX >> 1, u128::MAX - 1, u128::MAX].map(uuid).into(),
        ColumnType::Time => {
            let (first, last) = (Timestamp::MIN.as_micros(), Timestamp::MAX.as_micros());
            let today = 1_769_860_800_123_456;
            [first, first + 1, -1_000_001, -1, 0, 1, 999_999, today, today + 1, last - 1, last]
                .map(time)
                .into()
        }
        ColumnType::Json => odd_json().into_iter().map(|text| json(&text)).collect(),
    }
}

fn odd_texts() -> Vec<String> {
    let controls: String = (1..=0x1f).chain([0x7f]).filter_map(char::from_u32).collect();
    let odd = [
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
    odd.into_iter().map(str::to_owned).chain([controls]).collect()
}

fn odd_json() -> Vec<String> {
    let odd = [
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
    odd.into_iter().map(str::to_owned).chain([deep]).collect()
}

pub(super) const KINDS: [(&str, ColumnType); 7] = [
    ("bool", ColumnType::Bool),
    ("int", ColumnType::Int),
    ("float", ColumnType::Float),
    ("text", ColumnType::Text),
    ("uuid", ColumnType::Uuid),
    ("time", ColumnType::Time),
    ("json", ColumnType::Json),
];

/// A table with a number as its key, and a value that may be nothing.
fn table_of(name: &str, kind: ColumnType, role: Role) -> Table {
    let columns = vec![column("id", ColumnType::Int, Role::Key), optional("value", kind, role)];
    table(&format!("of_{name}"), 1, columns)
}

/// Writes rows and compares them with what a lookup and a query give.
pub(super) async fn come_back(rows: &TestRows, table: &Table, wanted: &[Row]) -> Outcome {
    rows.write_rows(table, wanted.to_vec()).await?;
    let keys: Vec<_> = wanted.iter().map(|row| table.key_of(row)).collect();
    let found = rows.rows(table, &keys).await?;
    ensure_eq!(found.len(), wanted.len(), "answers for as many keys in `{}`", table.name());
    for (found, wanted) in found.iter().zip(wanted) {
        ensure_eq!(found.as_ref(), Some(wanted), "a row of `{}`, by its key", table.name());
    }
    let all = rows.all_rows(table).await?;
    ensure_eq!(all.len(), wanted.len(), "rows of `{}`", table.name());
    for row in &all {
        ensure!(wanted.contains(row), "a query of `{}` gives {row:?}, which was never written", table.name());
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
        come_back(&rows, &table_of(name, kind, Role::Plain), &values).await?;
        if kind != ColumnType::Json {
            come_back(&rows, &table_of(&format!("indexed_{name}"), kind, Role::Index), &values).await?;
        }
    }
    Ok(())
}

async fn null_differs_from_every_zero_value(log: Log) -> Outcome {
    let rows = log.rows();
    let columns = KINDS.map(|(name, kind)| optional(name, kind, Role::Plain));
    let all = table("nothings", 1, [vec![column("id", ColumnType::Int, Role::Key)], columns.into()].concat());
    let zeros = [
        Value::Bool(false),
        int(0),
        float(0.0),
        text(""),
        uuid(0),
        Value::Time(Timestamp::EPOCH),
        json("null"),
    ];
    let mut wanted = vec![vec![int(0); 1], vec![int(1); 1]];
    wanted[0].extend(zeros.clone());
    wanted[1].extend(vec![Value::Null; 7]);
    for (n, id) in (0..7).zip(2..) {
        // One that is nothing among zeros, and one zero among nothing.
        let with = |one: Value, rest: &[Value]| {
            let mut row = rest.to_vec();
            row[n] = one;
            row
        };
        wanted.push([vec![int(id)], with(Value::Null, &zeros)].concat());
        wanted.push([vec![int(id + 100)], with(zeros[n].clone(), &vec![Value::Null; 7])].concat());
    }
    come_back(&rows, &all, &wanted).await
}

async fn texts_keep_every_byte(log: Log) -> Outcome {
    let rows = log.rows();
    // Every character of the first planes by itself, and samples of the others.
    let characters = (1..0x3000).chain((0x3000..=0x10_ffff).step_by(251)).filter_map(char::from_u32);
    let characters: Vec<char> = characters.collect();
    let texts = characters.chunks(16).map(|some| text(some.iter().collect::<String>()));
    come_back(&rows, &table_of("texts", ColumnType::Text, Role::Plain), &numbered(texts.collect())).await
}

async fn json_keeps_every_byte(log: Log) -> Outcome {
    let rows = log.rows();
    let columns = vec![
        column("id", ColumnType::Text, Role::Key),
        column("always", ColumnType::Json, Role::Plain),
        optional("maybe", ColumnType::Json, Role::Plain),
    ];
    let table = table("documents", 1, columns);
    let row = |(n, kept): (usize, String)| vec![text(format!("{n:03}")), json(&kept), json(&kept)];
    let wanted: Vec<Row> = odd_json().into_iter().enumerate().map(row).collect();
    come_back(&rows, &table, &wanted).await?;
    let large = format!("{{\"é\":\"{}\"}}", "aé\\n".repeat(200_000));
    come_back(&rows, &table, &[wanted, vec![vec![text("large"), json(&large), Value::Null]]].concat()).await
}

async fn text_of_one_megabyte(log: Log) -> Outcome {
    let rows = log.rows();
    let table = table_of("large", ColumnType::Text, Role::Plain);
    let large = |filler: &str| text(filler.repeat(1_000_000 / filler.len()));
    let values = ["a", "é", "😀", "\\", "'", "\n", "\u{1f}"].map(large);
    come_back(&rows, &table, &numbered(values.into())).await
}

async fn long_texts_in_an_indexed_column(log: Log) -> Outcome {
    let rows = log.rows();
    let table = table_of("indexed", ColumnType::Text, Role::Index);
    let mut random = log.random("long texts");
    // Random, so that no compression makes them short, and the same for a long while.
    let start: String = (0..20_000).map(|_| random.char('!'..='~')).collect();
    let values: Vec<Value> = ["", "a", "b", "é"].map(|end| text(format!("{start}{end}"))).into();
    come_back(&rows, &table, &numbered(values.clone())).await?;
    for (n, value) in (0..).zip(&values) {
        let found = rows.find(&select_all(&table).filter(1, Bound::Equal(value.clone()))).await?;
        ensure_eq!(found.len(), 1, "rows with one of the long texts");
        ensure_eq!(found[0][0], int(n), "which row has one of the long texts");
    }
    let found = rows.find(&select_all(&table).filter(1, Bound::Prefix(start)).order_by(1, true)).await?;
    let order: Vec<Value> = found.into_iter().map(|row| row[0].clone()).collect();
    ensure_eq!(order, [3, 2, 1, 0].map(int), "rows whose texts start alike, the greatest first");
    Ok(())
}

async fn values_are_replaced_by_other_values(log: Log) -> Outcome {
    let rows = log.rows();
    for (name, kind) in KINDS {
        let table = table_of(name, kind, Role::Plain);
        let values = extremes(kind);
        for shift in 0..3 {
            let mut turned = values.clone();
            turned.rotate_left(shift % values.len());
            if shift == 1 {
                turned[0] = Value::Null;
            }
            come_back(&rows, &table, &numbered(turned)).await?;
            yield_now().await;
        }
    }
    Ok(())
}

async fn values_survive_reopen(log: Log) -> Outcome {
    let mut log = log;
    for (name, kind) in KINDS {
        let table = table_of(name, kind, Role::Plain);
        let wanted = numbered(extremes(kind));
        come_back(&log.rows(), &table, &wanted).await?;
        log = log.reopened().await?;
        ensure_eq!(log.rows().all_rows(&table).await?, wanted, "values of {kind:?} after a restart");
    }
    Ok(())
}
