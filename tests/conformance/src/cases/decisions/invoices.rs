//! Invoice numbers without gaps: a decision over all events of a type.

use annalist_core::{store::Read, time::Timestamp};

use super::decide::{decide, ensure_accepted, number};
use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, fixtures::*, log::Log},
};

cases!("invoices": [
    invoice_numbers_have_no_gaps_or_duplicates,
]);

async fn invoice_numbers_have_no_gaps_or_duplicates(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let count = log.rounds(6);
    let tasks = (0..6).map(|task| {
        let handle = handles[task % 3].clone();
        async move {
            for _ in 0..count {
                let result =
                    decide(&handle, Timestamp::EPOCH, criteria_for(&["invoice_written"], &[]), |records| {
                        let next = records.last().map_or(0, number) + 1;
                        Ok(vec![event_with(
                            "invoice_written",
                            &[&format!("customer:{task}")],
                            &next.to_string(),
                        )])
                    });
                ensure_accepted!(result.await?, "an invoice");
            }
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    let numbers: Vec<usize> = log
        .read_one(Read::all(criteria_for(&["invoice_written"], &[])))
        .await?
        .records
        .iter()
        .map(number)
        .collect();
    ensure_eq!(numbers, (1..=6 * count).collect::<Vec<_>>(), "invoice numbers");
    Ok(())
}
