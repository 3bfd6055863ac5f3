//! Opt-in tokens: a token is valid once, for an hour, and for the address that it was sent to.

use annalist_core::time::Timestamp;

use super::decide::{CommandResult, decide, ensure_accepted, ensure_rejected};
use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, fixtures::*, handle::Handle, log::Log},
};

cases!("tokens": [
    token_is_unknown_valid_used_or_expired,
    token_is_confirmed_once,
]);

const MINUTE: i64 = 60;

async fn send(log: &Handle, email: &str, token: &str, second: i64) -> Outcome<Timestamp> {
    let request = append([event("token_sent", &[&format!("email:{email}"), &format!("token:{token}")])]);
    log.expect_accepted(request.recorded_at(second)).await?;
    Ok(seconds_since_1970(second))
}

async fn confirm(handle: &Handle, email: &str, token: &str, second: i64) -> Outcome<CommandResult> {
    let (email, token, now) =
        (format!("email:{email}"), format!("token:{token}"), seconds_since_1970(second));
    decide(handle, now, criteria_for(&["token_sent", "token_confirmed"], &[&email, &token]), |records| {
        let sent = records.first().ok_or("unknown token")?;
        if records.iter().any(|record| record.name == "token_confirmed") {
            return Err("used token");
        }
        if now.as_micros() - sent.recorded_at.as_micros() > 60 * MINUTE * 1_000_000 {
            return Err("expired token");
        }
        Ok(vec![event("token_confirmed", &[&email, &token])])
    })
    .await
}

async fn token_is_unknown_valid_used_or_expired(log: Log) -> Outcome {
    ensure_rejected!(
        confirm(&log, "ann@x.org", "123456", 0).await?,
        "unknown token",
        "a token that was never sent"
    );
    send(&log, "ann@x.org", "123456", 0).await?;
    send(&log, "bob@x.org", "654321", 0).await?;
    ensure_rejected!(
        confirm(&log, "bob@x.org", "123456", 1).await?,
        "unknown token",
        "a token sent to another address"
    );
    ensure_rejected!(
        confirm(&log, "ann@x.org", "123457", 1).await?,
        "unknown token",
        "a token that was never sent"
    );
    ensure_rejected!(
        confirm(&log, "ann@x.org", "123456", 61 * MINUTE).await?,
        "expired token",
        "a token after 61 minutes"
    );
    ensure_accepted!(confirm(&log, "ann@x.org", "123456", 60 * MINUTE).await?, "the token after 60 minutes");
    ensure_rejected!(
        confirm(&log, "ann@x.org", "123456", 60 * MINUTE).await?,
        "used token",
        "the token, a second time"
    );
    ensure_rejected!(
        confirm(&log, "ann@x.org", "123456", 61 * MINUTE).await?,
        "used token",
        "the used token after 61 minutes"
    );
    ensure_accepted!(confirm(&log, "bob@x.org", "654321", 59 * MINUTE).await?, "the other token");
    Ok(())
}

async fn token_is_confirmed_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(5) {
        let token = format!("token-{round}");
        send(&log, "ann@x.org", &token, 0).await?;
        let tasks = (0..12).map(|n| {
            let (handle, token) = (handles[n % 3].clone(), token.clone());
            async move {
                let result = confirm(&handle, "ann@x.org", &token, MINUTE).await?;
                ensure!(
                    matches!(result, Ok(_) | Err("used token")),
                    "the token must be accepted or used, but the result is {result:?}"
                );
                Ok(usize::from(result.is_ok()))
            }
        });
        ensure_eq!(run_concurrently(tasks).await?.iter().sum::<usize>(), 1, "confirmations of one token");
    }
    Ok(())
}
