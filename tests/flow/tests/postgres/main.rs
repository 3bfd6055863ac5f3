//! The domain on PostgreSQL, by URL. Without a server (`cargo xtask test` starts one) these tests are listed as ignored.
#![allow(clippy::print_stderr)] // skipped tests are printed
#![allow(clippy::unwrap_used)] // in the checks that are shared with other tests

#[path = "../secrets/checks.rs"]
#[macro_use]
mod checks;
mod archived;
#[path = "../secrets/domain.rs"]
mod domain;
mod encrypted;
mod failover;
#[path = "../secrets/forget_races.rs"]
#[macro_use]
mod forget_races;
#[path = "../secrets/faulty_keys.rs"]
mod faulty_keys;
#[path = "../secrets/id_checks.rs"]
#[macro_use]
mod id_checks;
#[path = "../transfer/changes.rs"]
mod changes;
#[path = "../secrets/id_domain.rs"]
mod id_domain;
#[path = "../large_payloads/mod.rs"]
#[allow(dead_code, reason = "the retries of parked events do not depend on the store")]
mod large_payloads;
#[path = "../transfer/logs.rs"]
mod logs;
#[path = "../transfer/moved_archives.rs"]
mod moved_archives;
#[path = "../transfer/moved_policies.rs"]
mod moved_policies;
#[path = "../transfer/moved_successors.rs"]
mod moved_successors;
mod own_writes;
#[path = "../transfer/parts.rs"]
mod parts;
#[path = "../secrets/policy_checks.rs"]
#[macro_use]
mod policy_checks;
#[path = "../secrets/processes.rs"]
mod processes;
#[path = "../secrets/row_checks.rs"]
#[macro_use]
mod row_checks;
mod restored;
#[path = "../secrets/secret_log.rs"]
mod secret_log;
mod transfers;

use std::{sync::Arc, time::Duration};

use annalist::{
    App, EventStore, ExecuteError, Memory, Postgres, Sqlite,
    app::Builder,
    projection::{ProjectionOptions, State},
    store::RowStore,
};
use annalist_flow_tests::{
    domain::{Account, Transfer, account, deposit, transfer_of},
    ended_runtimes::{check_calls_after_the_end, check_calls_in_flight, check_calls_of_ended_runtimes},
    operator_requests,
    policies::{Bonus, CallCounter, NewBonus, ParksRefusal},
    random_commands::{self, Commits, Size},
    read_model::Balance,
    replaced_builds,
    retags::{self, start_newer, start_older},
    rolling_deploy,
    successors::{self, Newer, older, renamed, split},
    versions::{Tally, Tenths},
};
use libtest_mimic::{Arguments, Failed, Trial};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use self::secret_log::SecretLog;

const URL: &str = "ANNALIST_POSTGRES_URL";
/// Far longer than needed, for busy machines.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

fn main() {
    let url = std::env::var(URL).ok();
    let trial = |name: &str, test: fn(&str) -> Result<(), Failed>| {
        let server = url.clone();
        let trial = Trial::test(format!("postgres::{name}"), move || test(&server.unwrap_or_default()));
        trial.with_ignored_flag(url.is_none())
    };
    let trials = vec![
        trial("domain_works_on_postgres", |url| run(domain_works(url))),
        trial("rows_in_three_stores_count_each_event_once", |url| run(rows_in_three_stores(url))),
        trial("policies_of_two_programs_react_once", |url| run(policies_react_once(url))),
        trial("parked_events_of_a_policy_are_retried", |url| run(parked_events(url))),
        trial("policy_of_two_programs_calls_its_handler_once", |url| run(policy_calls_once(url))),
        trial("two_versions_of_an_inline_projection_append", |url| run(two_inline_versions(url))),
        trial("concurrent_transfers_preserve_the_total", |url| run(transfers_preserve_the_total(url))),
        trial("random_commands_are_decided_on_the_states_at_their_positions", |url| {
            run(random_commands_of(url))
        }),
        trial("random_logs_are_the_same_after_a_round_trip", |url| run(transfers::round_trips(url))),
        trial("rows_on_a_copy_equal_the_rows_of_the_original", |url| run(transfers::rows_on_copies(url))),
        trial("policies_handle_no_event_again_on_another_log", |url| run(transfers::moved_policies_of(url))),
        trial("older_program_is_refused_on_another_log", |url| run(transfers::moved_successors_of(url))),
        trial("archived_ids_are_closed_on_another_log", |url| run(transfers::moved_archives_of(url))),
        trial("parts_have_together_what_the_whole_has", |url| run(transfers::parts_of(url))),
        trial("no_night_is_booked_twice_by_two_programs", |url| run(successors_of(url))),
        trial("no_decision_misses_a_payment_while_tags_are_added", |url| run(retags_of(url))),
        trial("no_accepted_event_is_lost_while_ids_are_archived", |url| run(archived::archives_of(url))),
        trial("killed_restore_leaves_the_log_as_before", |url| run(archived::killed_restore_of(url))),
        trial("followers_stop_before_the_first_successor", |url| run(followers_of(url))),
        trial("followers_wait_for_the_deploy_of_a_newer_version", |url| run(rolling_deploy_of(url))),
        trial("requests_of_operators_are_obeyed_by_other_processes", |url| run(operator_requests_of(url))),
        trial("queries_read_the_new_build_if_the_old_one_is_deleted", |url| run(replaced_builds_of(url))),
        trial("older_process_is_refused_while_a_newer_one_books", |url| run(processes_of(url))),
        trial("secrets::other_process_answers_without_the_secret", |url| {
            processes::other_process_answers_without_the_secret(&SecretLog::schema(url));
            Ok(())
        }),
        trial("secrets::killed_forgetting_is_completed", |url| {
            processes::killed_forgetting_is_completed(&SecretLog::schema(url));
            Ok(())
        }),
        trial("look_up_of_an_own_write_is_two_statements", |url| run(own_writes::check_statements(url))),
        trial("stored_secrets_are_encrypted", |url| run(encrypted::encryptions_of(url))),
        trial("failover_to_a_standby_that_lagged_behind", |_| run(failover::to_a_lagging_standby())),
    ];
    macro_rules! secrets_of {
        ($checks:ident: $($name:ident)+) => {
            [$(trial(concat!("secrets::", stringify!($name)), |url| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                Ok(runtime.block_on($checks::$name(&SecretLog::schema(url))))
            })),+]
        };
    }
    #[rustfmt::skip]
    macro_rules! secrets { ($($name:ident)+) => { secrets_of!(checks: $($name)+) }; }
    #[rustfmt::skip]
    macro_rules! ids { ($($name:ident)+) => { secrets_of!(id_checks: $($name)+) }; }
    #[rustfmt::skip]
    macro_rules! rows { ($($name:ident)+) => { secrets_of!(row_checks: $($name)+) }; }
    #[rustfmt::skip]
    macro_rules! policies { ($($name:ident)+) => { secrets_of!(policy_checks: $($name)+) }; }
    macro_rules! races { ($($name:ident)+) => { secrets_of!(forget_races: $($name)+) }; }
    let secrets = for_each_check!(secrets)
        .into_iter()
        .chain(for_each_id_check!(ids))
        .chain(for_each_row_check!(rows))
        .chain(for_each_forget_race!(races))
        .chain(for_each_policy_check!(policies));
    let runtimes = [
        trial("every_call_after_the_end_of_the_runtime_is_an_error", |url| {
            check_calls_after_the_end(builder(url.to_owned()));
            Ok(())
        }),
        trial("calls_in_flight_end_with_the_runtime_of_the_app", |url| {
            check_calls_in_flight(builder(url.to_owned()), |_, runtime| {
                drop(runtime);
                true
            });
            Ok(())
        }),
        trial("calls_in_flight_end_with_the_app", |url| {
            check_calls_in_flight(builder(url.to_owned()), |app, runtime| {
                runtime.block_on(app.shut_down());
                std::mem::forget(runtime);
                false
            });
            Ok(())
        }),
        trial("app_works_on_after_the_end_of_runtimes_that_called_it", |url| {
            check_calls_of_ended_runtimes(builder(url.to_owned()));
            Ok(())
        }),
        trial("readers_of_large_payloads_hold_a_part_of_them", |url| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let schema = format!("flow_{}", Uuid::now_v7().simple());
            let store = runtime.block_on(Postgres::options().schema(&schema).connect(url))?;
            large_payloads::check_readers(&runtime, &(Arc::new(store) as Arc<dyn EventStore>));
            Ok(())
        }),
        trial("restore_of_a_large_archive_holds_a_part_of_it", |url| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let schema = format!("flow_{}", Uuid::now_v7().simple());
            let store = runtime.block_on(Postgres::options().schema(&schema).connect(url))?;
            restored::check_memory(&runtime, &(Arc::new(store) as Arc<dyn EventStore>));
            Ok(())
        }),
    ];
    if url.is_none() {
        eprintln!("skipped, because {URL} names no server: the domain on PostgreSQL");
    }
    let trials = trials.into_iter().chain(runtimes).chain(secrets).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn run(test: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(test)
}

/// A builder for an app on a new log.
#[allow(clippy::unwrap_used)] // a trial fails
async fn builder(url: String) -> Builder {
    let schema = format!("flow_{}", Uuid::now_v7().simple());
    App::builder(Postgres::options().schema(&schema).connect(&url).await.unwrap())
}

/// Unique names, because every test that opens the server by its URL shares its log.
fn names<const N: usize>() -> [String; N] {
    std::array::from_fn(|_| Uuid::now_v7().to_string())
}

async fn app(url: &str) -> Result<App, Failed> {
    Ok(App::builder(annalist::open(url).await?).start().await?)
}

async fn domain_works(url: &str) -> Result<(), Failed> {
    let [a, b, id] = names();
    app(url).await?.execute(deposit(&a, 10)).id(id.clone()).await.map_err(debug)?;
    let app = app(url).await?;
    app.execute(transfer_of(&a, &b, 4)).actor("ann").await.map_err(debug)?;
    app.execute(deposit(&a, 10)).id(id).await.map_err(debug)?;
    let refused = app.execute(transfer_of(&b, &a, 5)).await;
    assert!(matches!(refused, Err(ExecuteError::Rejected(_))), "{refused:?}");
    assert_eq!(app.load::<Account>(&account(&a)).await?.balance, 6);
    assert_eq!(app.load::<Account>(&account(&b)).await?.balance, 4);
    Ok(())
}

async fn transfers_preserve_the_total(url: &str) -> Result<(), Failed> {
    let names: [String; 3] = names();
    // Two apps, as in two processes.
    let apps = [app(url).await?, app(url).await?];
    for name in &names {
        apps[0].execute(deposit(name, 100)).await.map_err(debug)?;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60usize {
        let (from, to) = (number % 3, (number + 1 + number / 3 % 2) % 3);
        let transfer: Transfer = transfer_of(&names[from], &names[to], 1 + number as u64 % 7);
        tasks.spawn(apps[number % 2].execute(transfer).into_future());
    }
    while let Some(result) = tasks.join_next().await {
        let result = result?;
        assert!(matches!(result, Ok(_) | Err(ExecuteError::Rejected(_))), "{result:?}");
    }
    let mut sum = 0;
    for name in &names {
        sum += apps[1].load::<Account>(&account(name)).await?.balance;
    }
    assert_eq!(sum, 300);
    Ok(())
}

/// Two apps with connections of their own, on one log.
async fn random_commands_of(url: &str) -> Result<(), Failed> {
    let schema = format!("flow_{}", Uuid::now_v7().simple());
    let start = async || {
        let events = Postgres::options().schema(&schema).connect(url).await?;
        Ok::<App, Failed>(App::builder(events).start().await?)
    };
    let (apps, size) = ([start().await?, start().await?], Size { tasks: 8, commands: 40 });
    let counts = random_commands::run(apps, size, Commits::InAnyOrder).await?;
    assert!(counts.accepted > 0 && counts.rejected > 0, "{counts:?}");
    Ok(())
}

/// An older program and a newer one, in which an event name has a successor.
async fn successors_of(url: &str) -> Result<(), Failed> {
    for kind in [Newer::Renamed, Newer::Split] {
        let schema = format!("flow_{}", Uuid::now_v7().simple());
        let builder =
            async || Ok::<_, Failed>(App::builder(Postgres::options().schema(&schema).connect(url).await?));
        let older = builder().await?.commands::<older::Book>().start().await?;
        let newer = match kind {
            Newer::Renamed => builder().await?.commands::<renamed::Book>().start().await?,
            Newer::Split => builder().await?.commands::<split::Book>().start().await?,
        };
        successors::race(&older, &newer, kind).await?;
    }
    Ok(())
}

async fn retags_of(url: &str) -> Result<(), Failed> {
    for _ in 0..3 {
        let schema = format!("flow_{}", Uuid::now_v7().simple());
        let builder =
            async || Ok::<_, Failed>(App::builder(Postgres::options().schema(&schema).connect(url).await?));
        let (older, newer) = (start_older(builder().await?).await?, start_newer(builder().await?).await?);
        retags::race(&older, &newer).await?;
        let report = newer.verify().await?;
        if !report.is_sound() {
            return Err(report.to_string().into());
        }
    }
    Ok(())
}

async fn followers_of(url: &str) -> Result<(), Failed> {
    let schema = format!("flow_{}", Uuid::now_v7().simple());
    let builder = async || App::builder(Postgres::options().schema(&schema).connect(url).await.unwrap());
    successors::check_followers(builder).await;
    Ok(())
}

/// An older program runs while a newer one appends a later version of an event.
async fn rolling_deploy_of(url: &str) -> Result<(), Failed> {
    let log = || {
        let schema = format!("flow_{}", Uuid::now_v7().simple());
        async move || App::builder(Postgres::options().schema(&schema).connect(url).await.unwrap())
    };
    rolling_deploy::check_stopped_followers(log()).await;
    rolling_deploy::check_parked_events(log()).await;
    rolling_deploy::check_parked_events_of_a_policy(log()).await;
    rolling_deploy::check_start(log()).await;
    Ok(())
}

/// Operators pause, resume and retry what other processes run.
async fn operator_requests_of(url: &str) -> Result<(), Failed> {
    let log = || {
        let schema = format!("flow_{}", Uuid::now_v7().simple());
        async move || {
            Arc::new(Postgres::options().schema(&schema).connect(url).await.unwrap()) as Arc<dyn EventStore>
        }
    };
    operator_requests::check_pause(log()).await;
    operator_requests::check_retries(log()).await;
    operator_requests::check_abandoned_request(log()).await;
    Ok(())
}

/// Another process deletes the build that queries read.
async fn replaced_builds_of(url: &str) -> Result<(), Failed> {
    let log = || {
        let schema = format!("flow_{}", Uuid::now_v7().simple());
        async move || {
            Arc::new(Postgres::options().schema(&schema).connect(url).await.unwrap()) as Arc<dyn EventStore>
        }
    };
    replaced_builds::check_held_queries(log()).await;
    replaced_builds::check_waiting_queries(log()).await;
    replaced_builds::check_other_errors(log()).await;
    Ok(())
}

/// Two executables on one log, which is the schema `annalist` of a database of its own.
async fn processes_of(url: &str) -> Result<(), Failed> {
    let name = format!("flow_{}", Uuid::now_v7().simple());
    let mut server = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut server).await?;
    let (before, _) = url.rsplit_once('/').ok_or("the URL has no database")?;
    let url = format!("{before}/{name}");
    let (older, newer) = (env!("CARGO_BIN_EXE_booking_older"), env!("CARGO_BIN_EXE_booking_newer"));
    let own = url.clone();
    tokio::task::spawn_blocking(move || successors::race_processes(older, newer, &own)).await??;
    let store = Postgres::connect(&url).await?;
    successors::check_log(&store).await?;
    store.close().await;
    sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name}"))).execute(&mut server).await?;
    Ok(())
}

/// Events on PostgreSQL; the same read model there, in a SQLite file, and in memory. Each counts every event once.
async fn rows_in_three_stores(url: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let schema = format!("flow_{}", Uuid::now_v7().simple());
    let events = Postgres::options().schema(&schema).connect(url).await?;
    let file = Sqlite::open(folder.path().join("rows.db")).await?;
    let in_postgres = App::builder(events.clone()).projection::<Balance>().start().await?;
    let in_a_file = App::builder(events.clone()).rows(file).projection::<Balance>().start().await?;
    let in_memory = App::builder(events).rows(Memory::new()).projection::<Balance>().start().await?;

    for number in 0..40u32 {
        let command = deposit(&format!("a{}", number % 3), 1);
        [&in_postgres, &in_a_file, &in_memory][number as usize % 3].execute(command).await.map_err(debug)?;
    }
    let last = in_postgres.execute(transfer_of("a0", "b", 5)).await.map_err(debug)?;
    for app in [&in_postgres, &in_a_file, &in_memory] {
        let rows = app.list::<Balance>().order_by("cents").after(&last).timeout(DEFAULT_TIMEOUT).await?.rows;
        let cents: Vec<_> = rows.iter().map(|row| (row.account.to_string(), row.cents)).collect();
        let expected =
            [("b", 5), ("a0", 9), ("a1", 13), ("a2", 13)].map(|(name, cents)| (name.to_owned(), cents));
        assert_eq!(cents, expected);
    }
    Ok(())
}

/// Connects to a new log in a schema of its own.
async fn new_log(url: &str) -> Result<Postgres, Failed> {
    let schema = format!("flow_{}", Uuid::now_v7().simple());
    Ok(Postgres::options().schema(&schema).connect(url).await?)
}

async fn policies_react_once(url: &str) -> Result<(), Failed> {
    let events = new_log(url).await?;
    let plain = App::builder(events.clone()).start().await?;
    plain.execute(deposit("ann", 1)).await.map_err(debug)?;
    let start = || {
        App::builder(events.clone()).policy(Bonus { calls: CallCounter::default() }).policy(NewBonus).start()
    };
    let apps = [start().await?, start().await?];
    for number in 0..40 {
        apps[number % 2].execute(deposit("ann", 1)).await.map_err(debug)?;
    }
    for app in &apps {
        app.wait_until_caught_up().await?;
    }
    assert_eq!(plain.load::<Account>(&account("all.bonus")).await?.balance, 41);
    assert_eq!(plain.load::<Account>(&account("new.bonus")).await?.balance, 40);
    Ok(())
}

async fn policy_calls_once(url: &str) -> Result<(), Failed> {
    let (events, calls) = (new_log(url).await?, CallCounter::default());
    let start = || App::builder(events.clone()).policy(Bonus { calls: calls.clone() }).start();
    let apps = [start().await?, start().await?];
    for number in 0..40 {
        apps[number % 2].execute(deposit("ann", 1)).await.map_err(debug)?;
    }
    apps[1].wait_until_caught_up().await?;
    assert_eq!(calls.count(), 40);
    apps[0].shut_down().await;
    apps[1].execute(deposit("ann", 1)).await.map_err(debug)?;
    apps[1].wait_until_caught_up().await?;
    assert_eq!(calls.count(), 41);
    Ok(())
}

/// A new version of an inline projection is deployed: the old program appends until it ends.
async fn two_inline_versions(url: &str) -> Result<(), Failed> {
    let events = new_log(url).await?;
    let inline = || ProjectionOptions::new().inline();
    let old = App::builder(events.clone()).projection_with::<Tally>(inline()).start().await?;
    old.wait_until("tallies", |status| status.state == State::Inline).await?;
    let new = App::builder(events.clone()).projection_with::<Tenths>(inline()).start().await?;
    let inline_again = async || {
        while !events.builds("tallies").await?.iter().any(|build| build.inline && build.version == 2) {
            tokio::task::yield_now().await;
        }
        Ok::<(), Failed>(())
    };
    let mut paid = 0;
    for _ in 0..2 {
        inline_again().await?;
        // The old program does not know the new version, so its append ends the inline mode.
        old.execute(deposit("ann", 1)).await.map_err(debug)?;
        new.execute(deposit("ann", 1)).await.map_err(debug)?;
        paid += 2;
    }
    old.shut_down().await;
    inline_again().await?;
    let row = new.find::<Tenths>(&account("ann")).await?;
    assert_eq!(row.map(|row| row.sum), Some(10 * paid));
    let live = new.live::<Tenths>(&account("ann")).await?;
    assert_eq!(live.map(|row| row.sum), Some(10 * paid));
    Ok(())
}

async fn parked_events(url: &str) -> Result<(), Failed> {
    let policy = ParksRefusal { calls: CallCounter::default() };
    let app = App::builder(new_log(url).await?).policy(policy).start().await?;
    app.execute(deposit("bob", 100)).await.map_err(debug)?;
    app.execute(deposit("bob", 7)).await.map_err(debug)?;
    app.execute(deposit("ann", 5)).await.map_err(debug)?;
    app.wait_until_caught_up().await?;
    assert_eq!(
        (app.parked("parks_refusal").await?.len(), app.load::<Account>(&account("out.of")).await?.balance),
        (2, 5)
    );
    app.execute(deposit("bob", 93)).await.map_err(debug)?;
    app.wait_until_caught_up().await?;
    app.retry_parked("parks_refusal").await?;
    app.wait_until_caught_up().await?;
    assert_eq!(app.load::<Account>(&account("out.of")).await?.balance, 205);
    Ok(())
}

fn debug(error: impl std::fmt::Debug) -> Failed {
    format!("{error:?}").into()
}
