//! Invoice numbers without gaps: a decision over all events of a type.

use annalist_core::{store::Read, time::Timestamp};

use super::{decide, ensure_accepted, number};
use crate::{
    failure::Outcome,
    given::*,
    log::{Log, together},
};

cases!("invoices": [
    numbers_have_neither_gaps_nor_doubles,
]);

async fn numbers_have_neither_gaps_nor_doubles(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let each = log.rounds(6);
    let tasks = (0..6).map(|task| {
        let handle = handles[task % 3].clone();
        async move {
            for _ in 0..each {
                let answer = decide(&handle, Timestamp::EPOCH, of(&["invoice_written"], &[]), |records| {
                    let next = records.last().map_or(0, number) + 1;
                    Ok(vec![event_with("invoice_written", &[&format!("customer:{task}")], &next.to_string())])
                });
                ensure_accepted!(answer.await?, "an invoice");
            }
            Ok(())
        }
    });
    together(tasks).await?;
    let numbers: Vec<usize> =
        log.look(Read::all(of(&["invoice_written"], &[]))).await?.records.iter().map(number).collect();
    ensure_eq!(numbers, (1..=6 * each).collect::<Vec<_>>(), "invoice numbers");
    Ok(())
}
