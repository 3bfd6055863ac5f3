//! Secrets that are encrypted at rest, and subjects that are forgotten, in memory and in a file.
#![allow(clippy::unwrap_used)] // in the helpers too

mod added_tags;
mod archived_ids;
#[macro_use]
mod checks;
mod declared_ids;
mod domain;
mod faulty_keys;
#[macro_use]
mod forget_races;
#[macro_use]
mod id_checks;
mod id_domain;
mod many_subjects;
#[macro_use]
mod policy_checks;
mod processes;
mod programs;
#[macro_use]
mod row_checks;
mod secret_log;
mod stored_plain;

use self::secret_log::SecretLog;

macro_rules! tests_of {
    ($checks:ident: $($name:ident)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                $checks::$name(&SecretLog::memory()).await;
                $checks::$name(&SecretLog::file()).await;
            }
        )+
    };
}

macro_rules! tests {
    ($($name:ident)+) => {
        tests_of! { checks: $($name)+ }
    };
}

macro_rules! id_tests {
    ($($name:ident)+) => {
        tests_of! { id_checks: $($name)+ }
    };
}

macro_rules! row_tests {
    ($($name:ident)+) => {
        tests_of! { row_checks: $($name)+ }
    };
}

macro_rules! race_tests {
    ($($name:ident)+) => {
        tests_of! { forget_races: $($name)+ }
    };
}

macro_rules! policy_tests {
    ($($name:ident)+) => {
        tests_of! { policy_checks: $($name)+ }
    };
}

for_each_check!(tests);
for_each_id_check!(id_tests);
for_each_row_check!(row_tests);
for_each_forget_race!(race_tests);
for_each_policy_check!(policy_tests);

#[test]
fn other_process_answers_without_the_secret() {
    processes::other_process_answers_without_the_secret(&SecretLog::file());
}

#[test]
fn killed_forgetting_is_completed() {
    processes::killed_forgetting_is_completed(&SecretLog::file());
}
