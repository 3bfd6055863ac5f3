//! Random scripts: inline rows, rows of a runner and a fold in memory are equal.

use std::sync::Arc;

use annalist_core::{
    record::{Draft, Position},
    rows::{Inline, InlineOutcome, PromoteOutcome, Table},
    store::{AppendOutcome, Marker},
};
use proptest::{collection::vec, prelude::*, sample::select, strategy::Union};

use super::{notes::*, support::*};
use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log, scripts::for_all},
};

cases!("inline_model" needs [Rows, Inline]: [
    inline_and_asynchronous_rows_agree_with_the_model,
]);

/// One step of a script.
#[derive(Clone, Debug)]
enum Step {
    Append {
        events: Vec<(&'static str, Vec<&'static str>)>,
        refused: bool,
        id: Option<u8>,
    },
    /// The first build becomes inline or asynchronous.
    Toggle,
    /// A runner processes a page for each build that is not inline.
    Run(usize),
    Reopen,
}

/// A log with two builds: the first is inline at times, the second never.
struct Player {
    log: Log,
    handle: Handle,
    folds: [Arc<dyn Inline>; 2],
    last: Position,
    number: usize,
}

async fn inline_and_asynchronous_rows_agree_with_the_model(log: Log) -> Outcome {
    for_all(log, script, |log, steps| async move {
        let folds = [notes(NOTES), notes(NOTES.built(1))];
        for fold in &folds {
            log.rows().define_table(fold.table()).await?;
        }
        let handle = (*log).clone();
        let mut player = Player { log, handle, folds, last: Position::START, number: 0 };
        for (number, step) in steps.into_iter().enumerate() {
            let played = player.step(step).await;
            played.map_err(|failure| failure.in_context(format_args!("step {number}")))?;
        }
        player.end().await
    })
    .await
}

impl Player {
    async fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Append { events, refused, id } => self.append(events, refused, id).await,
            Step::Toggle => self.toggle().await,
            Step::Run(limit) => {
                for fold in self.folds.clone() {
                    if !self.handle.rows().build_of(fold.table()).await?.inline {
                        self.handle.wait_until_settled(self.last).await?;
                        self.handle.run_batch(&*fold, limit).await?;
                    }
                }
                Ok(())
            }
            Step::Reopen => {
                self.handle = self.log.open_handle().await?;
                Ok(())
            }
        }
    }

    async fn append(
        &mut self,
        events: Vec<(&'static str, Vec<&'static str>)>,
        refused: bool,
        id: Option<u8>,
    ) -> Outcome {
        let event = |(name, notes): (&'static str, Vec<&str>)| -> Draft {
            self.number += 1;
            note_event(name, &notes, self.number)
        };
        let mut request = append(events.into_iter().map(event).collect::<Vec<_>>());
        request.key = id.map(|id| command_key(format!("c-{id}"), "write", &[]));
        if refused {
            request = request.if_unchanged(criteria_for(&["written"], &[]), Marker::START);
        }
        if self.number.is_multiple_of(2) {
            request = request.with_folds(&self.folds[..1]);
        }
        match self.handle.append_with_required_folds(request, &self.folds).await? {
            AppendOutcome::Appended(receipt) => self.last = self.last.max(receipt.position()),
            AppendOutcome::Duplicate { .. } => {
                ensure!(id.is_some(), "an append without a command id must not be a duplicate");
            }
            AppendOutcome::Conflict { .. } => {
                ensure!(refused, "an append without a condition must not conflict");
            }
            AppendOutcome::InlineRequired { .. } | AppendOutcome::SuccessorsChanged { .. } => {}
        }
        if self.handle.rows().build_of(self.folds[0].table()).await?.inline {
            self.handle.expect_rows_equal_fold(&self.folds[0]).await?;
        }
        Ok(())
    }

    async fn toggle(&self) -> Outcome {
        let rows = self.handle.rows();
        if rows.build_of(&NOTES).await?.inline {
            rows.make_async(&NOTES).await?;
            return Ok(());
        }
        ensure_eq!(
            rows.make_inline(Arc::clone(&self.folds[0])).await?,
            InlineOutcome::Done,
            "result of `make_inline`"
        );
        self.handle.expect_rows_equal_fold(&self.folds[0]).await.map(drop)
    }

    async fn end(&self) -> Outcome {
        let rows = self.handle.rows();
        rows.make_async(&NOTES).await?;
        for fold in &self.folds {
            self.handle.wait_until_settled(self.last).await?;
            while self.handle.run_batch(&**fold, 3).await? < self.last {}
            self.handle.expect_rows_equal_fold(fold).await?;
        }
        // The store finds the builds equal if their positions are equal.
        let checkpoints = [rows.build_of(&NOTES).await?, rows.build_of(&NOTES.built(1)).await?]
            .map(|one| one.checkpoint.position);
        rows.expect_promoted(&NOTES, true).await?;
        let second: Table = NOTES.built(1);
        let expected = if checkpoints[0] == checkpoints[1] {
            PromoteOutcome::Done
        } else {
            PromoteOutcome::NotComparable
        };
        ensure_eq!(
            rows.promote(&second, true).await?,
            expected,
            "outcome of comparing both builds, at {checkpoints:?}"
        );
        Ok(())
    }
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..30)
}

fn step() -> impl Strategy<Value = Step> {
    let names = select(vec!["written", "written", "edited", "deleted", "ignored"]);
    let notes = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    let append =
        (vec((names, notes), 0..4), prop::bool::weighted(0.2), proptest::option::weighted(0.2, 0..4_u8));
    Union::new_weighted(vec![
        (8, append.prop_map(|(events, refused, id)| Step::Append { events, refused, id }).boxed()),
        (2, Just(Step::Toggle).boxed()),
        (3, select(vec![1, 2, 5, 100]).prop_map(Step::Run).boxed()),
        (1, Just(Step::Reopen).boxed()),
    ])
}
