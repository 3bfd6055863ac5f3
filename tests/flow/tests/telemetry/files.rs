//! The dashboard and the alerts in docs/telemetry.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use annalist::raw::telemetry::{METRICS, MetricKind};
use serde_json::Value;

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/telemetry").join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap()
}

/// The metrics that a text names. The series of a histogram have endings of their own.
fn metrics_in(text: &str) -> BTreeSet<&'static str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let named = words.filter(|word| word.starts_with("annalist_"));
    let find = |word: &str| {
        METRICS.iter().find(|metric| match metric.kind {
            MetricKind::Histogram => {
                let ending = word.strip_prefix(metric.name);
                ending.is_some_and(|ending| ["_bucket", "_sum", "_count"].contains(&ending))
            }
            MetricKind::Counter | MetricKind::Gauge => metric.name == word,
        })
    };
    named.map(|word| find(word).unwrap_or_else(|| panic!("there is no metric `{word}`")).name).collect()
}

/// The values of all fields of a name.
fn collect<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(name).and_then(Value::as_str));
            fields.values().for_each(|field| collect(field, name, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        _ => {}
    }
}

#[test]
fn dashboard_shows_every_metric_and_no_other() {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, "expr", &mut queries);
    assert!(queries.len() > 10, "{queries:?}");
    assert_eq!(metrics_in(&queries.join("\n")), METRICS.iter().map(|metric| metric.name).collect());
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
}

#[test]
fn alerts_name_metrics_that_exist() {
    let named = metrics_in(&read("alerts.yml"));
    for metric in ["annalist_stopped", "annalist_parked_events", "annalist_lag_seconds"] {
        assert!(named.contains(metric), "{named:?}");
    }
}

#[test]
fn alerts_are_valid_rules_of_prometheus() {
    match Command::new("promtool").args(["check", "rules"]).arg(path("alerts.yml")).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}");
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("the alerts were not checked: promtool is not installed");
        }
        Err(error) => panic!("promtool: {error}"),
    }
}

/// The control: a name that is no metric is found.
#[test]
#[should_panic(expected = "there is no metric `annalist_lag_minutes`")]
fn unknown_metric_is_found() {
    metrics_in("max by (name) (annalist_lag_minutes) > 5");
}
