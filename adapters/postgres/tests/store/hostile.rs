//! Other roles that may create objects in a schema of the search_path.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use annalist_core::{
    criteria::{Criteria, Item},
    record::Position,
    rows::{Bound, CommitOutcome, Filter, PromoteOutcome, RowChange, RowQuery, RowStore, Sort, Value},
    store::{EventStore, PageLimit, Read},
    time::Timestamp,
};
use annalist_postgres::Postgres;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber,
    span,
};

use crate::{
    builds::{NEXT, STOCK, built, change, row},
    events::{accept, noted},
    inline::Tally,
    opening::refused,
    support::{TestDatabase, run, until},
    upgrade::{assert_complete_and_continued, fill},
};

/// The names of functions with their qualifiers, and the operators in SQL.
#[derive(Default)]
struct Tokens {
    functions: BTreeSet<(Option<String>, String)>,
    operators: BTreeSet<String>,
}

impl Tokens {
    /// Reads all files below a folder.
    fn read(&mut self, folder: &Path, extension: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read(&path, extension);
            } else if path.extension().is_some_and(|found| found == extension) {
                self.add(&fs::read_to_string(path).unwrap());
            }
        }
    }

    fn add(&mut self, sql: &str) {
        for line in sql.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code)) {
            for (index, _) in line.match_indices('(') {
                let word = |text: &str| {
                    let start = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    text[start.map_or(0, |start| start + 1)..].to_owned()
                };
                let before = &line[..index];
                let name = word(before);
                let qualifier = before[..before.len() - name.len()].strip_suffix('.').map(word);
                self.functions.insert((qualifier, name));
            }
            let operators = line.split(|c: char| !"+-*/<>=~!@#%^&|?".contains(c));
            self.operators.extend(operators.filter(|text| !text.is_empty()).map(str::to_owned));
        }
    }
}

/// The folder of the files with SQL.
fn sql_files() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sql"))
}

/// Texts as an array in SQL.
fn array<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    let texts: Vec<String> =
        texts.into_iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
    format!("ARRAY[{}]::text[]", texts.join(", "))
}

/// Creates functions and operators in `public` that would be called instead of built-in ones, for every name in the SQL of this package,
/// and every combination of types that a log uses; and casts that would convert to a type of the role. All of them fail when they
/// are called.
async fn shadow_all_names(db: &TestDatabase, url: &str) {
    let mut tokens = Tokens::default();
    tokens.read(sql_files(), "sql");
    for generated in
        ["../src/builds/row_values.rs", "../../../core/src/rows/sql.rs", "../../../core/src/rows/sql/find.rs"]
    {
        tokens.add(&fs::read_to_string(sql_files().join(generated)).unwrap());
    }
    let functions = array(tokens.functions.iter().map(|(_, name)| name));
    let operators = array(&tokens.operators);
    run(
        url,
        &format!(
            r"
SET search_path = pg_catalog;
CREATE TYPE public.evil AS (value text);
DO $do$
DECLARE
  -- The types of columns and parameters of logs, their elements and their arrays.
  _used oid[] := ARRAY(
    WITH used AS (
      SELECT a.atttypid AS type FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE c.relnamespace::regnamespace::text LIKE 'template%' AND a.attnum > 0
      UNION SELECT unnest(p.proargtypes) FROM pg_proc p WHERE p.pronamespace = 'template'::regnamespace
      UNION SELECT unnest(ARRAY['oid', 'name', 'int', 'float8']::regtype[])),
    element AS (SELECT type FROM used UNION SELECT t.typelem FROM pg_type t JOIN used u ON u.type = t.oid WHERE t.typelem <> 0)
    SELECT type FROM element UNION SELECT t.typarray FROM pg_type t JOIN element e ON e.type = t.oid WHERE t.typarray <> 0);
  _types text[] := ARRAY(SELECT format_type(type, NULL) FROM unnest(_used) AS type);
  _names text[] := ARRAY(
    SELECT DISTINCT p.proname FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY ({functions}));
  _operators text[] := ARRAY(
    SELECT DISTINCT o.oprname FROM pg_operator o
    WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname = ANY ({operators}) AND o.oprkind = 'b');
  _arguments text;
  _name text;
  _one text;
  _other text;
BEGIN
  FOREACH _one IN ARRAY _types LOOP
    FOREACH _other IN ARRAY _types || NULL::text LOOP
      _arguments := concat_ws(', ', _one, _other);
      FOREACH _name IN ARRAY _names || 'shadow'::text LOOP
        EXECUTE format(
          'CREATE FUNCTION public.%I(%s) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION %L; END$$',
          _name, _arguments, format('hijacked %s(%s)', _name, _arguments));
      END LOOP;
      IF _other IS NOT NULL THEN
        FOREACH _name IN ARRAY _operators LOOP
          EXECUTE format(
            'CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.shadow)', _name, _one, _other);
        END LOOP;
      END IF;
    END LOOP;
    -- What the server has with more arguments, with the types of each element in place of those of any type.
    FOR _name, _arguments IN
      SELECT DISTINCT p.proname, (
        SELECT string_agg(CASE WHEN t.typname ~ '^any.*array$' THEN _one || CASE WHEN _one LIKE '%[]' THEN '' ELSE '[]' END
                               WHEN t.typname ~ '^any' THEN _one ELSE format_type(t.oid, NULL) END, ', ' ORDER BY a.number)
        FROM unnest(p.proargtypes) WITH ORDINALITY AS a(type, number) JOIN pg_type t ON t.oid = a.type)
      FROM pg_proc p
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY (_names) AND p.pronargs > 2
        AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS a(type) WHERE a.type IN ('internal'::regtype, 'cstring'::regtype))
    LOOP
      EXECUTE format(
        'CREATE OR REPLACE FUNCTION public.%I(%s) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION %L; END$$',
        _name, _arguments, format('hijacked %s(%s)', _name, _arguments));
    END LOOP;
    EXECUTE format(
      'CREATE FUNCTION public.to_evil(%s) RETURNS public.evil LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION %L; END$$',
      _one, 'hijacked a cast of ' || _one);
    EXECUTE format('CREATE CAST (%s AS public.evil) WITH FUNCTION public.to_evil(%1$s) AS IMPLICIT', _one);
  END LOOP;
END
$do$;"
        ),
    )
    .await
    .unwrap();
    assert!(
        db.number("SELECT count(*) FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::regnamespace")
            .await
            > 5000
    );
    assert!(
        db.number("SELECT count(*) FROM pg_catalog.pg_operator WHERE oprnamespace = 'public'::regnamespace")
            .await
            > 1000
    );
}

/// Calls what the test of upgrades does not call.
async fn use_everything(store: &Postgres) {
    let everything = Criteria::from(Item::any().types(["opened", "moved", "noted"]));
    assert!(store.count(&everything, Position::START, Position::END).await.unwrap() > 1);
    assert!(store.count(&Criteria::all(), Position::START, Position::END).await.unwrap() > 1);
    assert!(
        !store.feed(&everything, Position::START, PageLimit::records(2)).await.unwrap().records.is_empty()
    );
    store.prefix_at(Timestamp::EPOCH).await.unwrap();
    assert!(!store.journal(0, PageLimit::records(10)).await.unwrap().is_empty());
    let payloads = Read { payload_only: true, ..Read::all(everything) };
    assert!(!store.read(std::slice::from_ref(&payloads)).await.unwrap()[0].records.is_empty());
    for _ in 0..3 {
        accept(
            store,
            crate::events::append(
                (0..200).map(|n| crate::events::event("many", [crate::events::tag(n % 2)])),
            ),
        )
        .await;
    }
    for payload_only in [false, true] {
        let many = Read { payload_only, ..Read::all(Item::any().types(["many"]).into()) };
        let mut found = 0;
        store
            .read_chunked(&many, &mut |records| {
                found += records.len();
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(found, 600);
    }
    let filter = Filter { column: 1, bound: Bound::AtLeast(Value::Int(1)) };
    let query = RowQuery {
        table: &STOCK,
        filters: vec![filter],
        sort: Some(Sort { column: 1, descending: true }),
        after: None,
        limit: 10,
    };
    assert!(!store.find(&query).await.unwrap().is_empty());
    let delete = RowChange { deletes: vec![vec![Value::Int(2)]], ..change(&STOCK, 4, 5, vec![row(1, 8)]) };
    assert_eq!(store.commit(delete).await.unwrap(), CommitOutcome::Done);
    let promoted = store.promote(&STOCK.built(1), true).await.unwrap();
    assert!(matches!(promoted, PromoteOutcome::NotComparable), "{promoted:?}");
    let again = STOCK.built(1);
    let rest = change(&again, 1, 5, vec![row(1, 7)]);
    assert_eq!(store.commit(rest).await.unwrap(), CommitOutcome::Done);
    let promoted = store.promote(&STOCK.built(1), true).await.unwrap();
    assert!(matches!(promoted, PromoteOutcome::Differs(_)), "{promoted:?}");
    assert_eq!(store.promote(&STOCK.built(1), false).await.unwrap(), PromoteOutcome::Done);
    // A build with other columns replaces the view.
    built(store, &NEXT, vec![vec![Value::Text("a".to_owned()), Value::Int(1)]]).await;
    assert_eq!(store.promote(&NEXT, false).await.unwrap(), PromoteOutcome::Done);
    assert!(store.discard(&STOCK.built(1)).await.unwrap());
    assert!(store.discard(&STOCK).await.unwrap());
    store.make_async(&Tally::TABLE).await.unwrap();
    store.report(&NEXT, Some("stopped")).await.unwrap();
    store.purge_command_ids(Timestamp::MAX, annalist_core::store::CommandKey::ALL_IDS).await.unwrap();
}

pub(crate) async fn functions_of_other_roles_are_never_called(db: TestDatabase) {
    Postgres::options().schema("template").connect(&db.url).await.unwrap().close().await;
    let (role, url) = db.role().await;
    db.run(&format!("GRANT CREATE ON SCHEMA public TO {role}")).await;
    shadow_all_names(&db, &url).await;
    // The shadows work: a call by an unqualified name is a call of the other role's function.
    let mut app = db.connection().await;
    let hijacked = sqlx::raw_sql("SELECT cardinality('{a}'::text[])").execute(&mut app).await.unwrap_err();
    assert!(hijacked.to_string().contains("hijacked cardinality"), "{hijacked}");

    fill(&db).await;
    let store = db.open().await;
    assert_complete_and_continued(&store).await;
    for _ in 0..2 {
        crate::verify::report(&store).await;
        crate::verify::findings_of(&db.url, "annalist.verify()").await;
        // With findings too.
        db.run("UPDATE annalist.events SET type = 'lost', version = -1 WHERE position = 1; UPDATE annalist.builds SET parked = 9").await;
    }
    db.run("UPDATE annalist.events SET type = 'opened', version = 1 WHERE position = 1; UPDATE annalist.builds SET parked = 0").await;
    use_everything(&store).await;

    let mut other = db.open().await.wakeups();
    let woken = tokio::spawn(async move { other.next().await });
    until("another process is notified", || async {
        accept(&store, noted("x")).await;
        woken.is_finished()
    })
    .await;

    // Every function fixes its search_path, or all its names are qualified, as those in statements.
    let mut tokens = Tokens::default();
    let (mut fixed, mut files) = (0, vec![sql_files().to_owned()]);
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let is_migration = path.parent() == Some(&sql_files().join("schema"));
        let sql = fs::read_to_string(path).unwrap();
        match sql.contains("\nSET search_path = pg_catalog, pg_temp\n") {
            true => fixed += 1,
            // What a migration does besides is resolved once, with a fixed search_path.
            false if is_migration && !sql.contains("CREATE FUNCTION") => {}
            false => tokens.add(&sql),
        }
    }
    let with_path = "SELECT count(*) FROM pg_catalog.pg_proc WHERE pronamespace = 'annalist'::regnamespace
                     AND 'search_path=pg_catalog, pg_temp' = ANY (proconfig)";
    assert_eq!(db.number(with_path).await, fixed);
    for (_, name) in
        tokens.functions.iter().filter(|(qualifier, name)| qualifier.is_none() && !name.is_empty())
    {
        let mut sql =
            "SELECT count(*) FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
                .to_owned();
        write!(sql, " AND proname = '{name}'::name").unwrap();
        assert_eq!(db.number(&sql).await, 0, "{name} is not qualified");
    }
}

pub(crate) async fn sessions_that_search_other_schemas_first_are_refused(db: TestDatabase) {
    let pool = db.pool("SET search_path TO public, pg_catalog").await;
    let reason = refused(Postgres::options().with_pool(pool).await);
    assert!(reason.contains("pg_catalog after public"), "{reason}");
    let store = db.open_with("SET search_path TO pg_catalog, public").await;
    accept(&store, noted(1)).await;
}

/// Collects the fields of all events.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0.lock().unwrap(), "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("annalist_postgres") && *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The warnings of opening a log.
async fn warnings(url: &str) -> String {
    let log = Log::default();
    Postgres::connect(url).with_subscriber(log.clone()).await.unwrap();
    log.0.lock().unwrap().clone()
}

pub(crate) async fn rights_of_other_roles_are_reported(db: TestDatabase) {
    drop(db.open().await);
    assert_eq!(warnings(&db.url).await, "");
    let (role, url) = db.role().await;
    crate::rights::may_append(&db, &role).await;
    // What the documentation asks for is not reported, neither to the owner nor to the role.
    assert_eq!(warnings(&db.url).await, "");
    assert_eq!(warnings(&url).await, "");
    for (grant, revoke, reported) in [
        (
            format!("GRANT CREATE ON SCHEMA annalist TO {role}"),
            format!("REVOKE CREATE ON SCHEMA annalist FROM {role}"),
            format!("{role} has CREATE on schema annalist"),
        ),
        (
            "GRANT CREATE ON SCHEMA annalist_rows TO PUBLIC".to_owned(),
            "REVOKE CREATE ON SCHEMA annalist_rows FROM PUBLIC".to_owned(),
            "PUBLIC has CREATE on schema annalist_rows".to_owned(),
        ),
        (
            format!("GRANT TRIGGER ON annalist.commands TO {role}"),
            format!("REVOKE TRIGGER ON annalist.commands FROM {role}"),
            format!("{role} has TRIGGER on annalist.commands"),
        ),
        (
            "GRANT INSERT ON annalist.events TO PUBLIC".to_owned(),
            "REVOKE INSERT ON annalist.events FROM PUBLIC".to_owned(),
            "PUBLIC has INSERT on annalist.events".to_owned(),
        ),
        (
            format!("ALTER FUNCTION annalist.close_gaps(bigint[]) OWNER TO {role}"),
            "ALTER FUNCTION annalist.close_gaps(bigint[]) OWNER TO CURRENT_USER".to_owned(),
            format!("{role} has OWNER on annalist.close_gaps(bigint[])"),
        ),
    ] {
        db.run(&grant).await;
        let warned = warnings(&db.url).await;
        assert!(warned.contains(&reported), "{reported}: {warned}");
        // A role is not warned of its own rights.
        assert_eq!(warnings(&url).await.contains(&reported), reported.starts_with("PUBLIC"));
        db.run(&revoke).await;
        assert_eq!(warnings(&db.url).await, "");
    }
}
