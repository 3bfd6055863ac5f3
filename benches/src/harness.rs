//! Measures Annalist and a baseline in alternation, and their ratio. The harness does not depend on the measured work.

use std::{future::Future, pin::Pin};

use serde::Serialize;

pub(crate) use crate::size::Size;
use crate::{Result, environment::Environment};

/// A row this close to its bar is measured more often.
const CLOSE: f64 = 0.05;
/// The order of the two halves of a pair.
const ORDERS: [[bool; 2]; 2] = [[true, false], [false, true]];

/// What is required of a row: bar and stretch goal.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// The ratio of Annalist to the baseline, where more is better.
    AtLeast(f64, f64),
    /// The ratio of Annalist to the baseline, where less is better.
    AtMost(f64, f64),
    /// Annalist's own figure in the unit of the row, where less is better.
    FigureAtMost(f64, f64),
}

impl Bar {
    pub(crate) fn bar(self) -> f64 {
        match self {
            Self::AtLeast(bar, _) | Self::AtMost(bar, _) | Self::FigureAtMost(bar, _) => bar,
        }
    }

    pub(crate) fn stretch(self) -> f64 {
        match self {
            Self::AtLeast(_, stretch) | Self::AtMost(_, stretch) | Self::FigureAtMost(_, stretch) => stretch,
        }
    }

    pub(crate) fn holds(self, measured: &Measured) -> bool {
        match self {
            Self::AtLeast(bar, _) => measured.ratio.median >= bar,
            Self::AtMost(bar, _) => measured.ratio.median <= bar,
            Self::FigureAtMost(bar, _) => measured.ours.median <= bar,
        }
    }

    fn is_close(self, measured: &Measured) -> bool {
        let figure = match self {
            Self::AtLeast(..) | Self::AtMost(..) => measured.ratio.median,
            Self::FigureAtMost(..) => measured.ours.median,
        };
        (figure / self.bar() - 1.0).abs() < CLOSE
    }
}

/// A kind of work.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) work: &'static str,
    pub(crate) baseline: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bar: Bar,
    pub(crate) prepare: for<'a> fn(&'a Environment) -> Doing<'a, Pair>,
}

impl Row {
    /// Returns `true` if the name contains the text, ignoring case.
    pub(crate) fn is_called(&self, text: &str) -> bool {
        let name = format!("{} | {}", self.work, self.baseline).to_lowercase();
        name.contains(&text.to_lowercase())
    }
}

pub(crate) type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// One of the two compared sides: each call does the work once and returns its figure.
pub(crate) type Side = Box<dyn FnMut() -> Doing<'static, f64> + Send>;

/// Creates a side from shared state and a function that does the work.
pub(crate) fn side<T, F>(shared: T, run: impl Fn(T) -> F + Send + 'static) -> Side
where
    T: Clone + Send + 'static,
    F: Future<Output = Result<f64>> + Send + 'static,
{
    Box::new(move || Box::pin(run(shared.clone())))
}

/// The two compared sides, ready to run.
pub(crate) struct Pair {
    pub(crate) ours: Side,
    pub(crate) baseline: Side,
}

/// The result of a row.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) ours: Spread,
    pub(crate) baseline: Spread,
    /// The median of the ratios of the pairs instead of the ratio of the medians, so that a disturbance of both halves of a
    /// pair has no effect.
    pub(crate) ratio: Spread,
}

/// Runs the pairs of a row, and twice as many again if the result is close to the bar.
pub(crate) async fn measure(row: &Row, environment: &Environment) -> Result<Measured> {
    let mut pair = (row.prepare)(environment).await?;
    let mut figures = Vec::new();
    // The first pair fills caches and plans, and does not count.
    run_pair(&mut pair, ORDERS[0]).await?;
    run_pairs(&mut pair, environment.size().pairs(), &mut figures).await?;
    if environment.size() != Size::Smoke && row.bar.is_close(&Measured::of(&figures)) {
        println!("    close to the bar: measured again");
        run_pairs(&mut pair, 2 * environment.size().pairs(), &mut figures).await?;
    }
    Ok(Measured::of(&figures))
}

async fn run_pairs(pair: &mut Pair, pairs: usize, figures: &mut Vec<(f64, f64)>) -> Result<()> {
    for turns in ORDERS.into_iter().cycle().take(pairs) {
        figures.push(run_pair(pair, turns).await?);
    }
    Ok(())
}

async fn run_pair(pair: &mut Pair, ours_has_its_turn: [bool; 2]) -> Result<(f64, f64)> {
    let (mut ours, mut baseline) = (0.0, 0.0);
    for turn in ours_has_its_turn {
        if turn {
            ours = (pair.ours)().await?;
        } else {
            baseline = (pair.baseline)().await?;
        }
    }
    Ok((ours, baseline))
}

impl Measured {
    fn of(figures: &[(f64, f64)]) -> Self {
        Self {
            ours: Spread::of(figures.iter().map(|(ours, _)| *ours)),
            baseline: Spread::of(figures.iter().map(|(_, baseline)| *baseline)),
            ratio: Spread::of(figures.iter().map(|(ours, baseline)| ours / baseline)),
        }
    }
}

/// The median of some figures and their spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lower_quartile: f64,
    pub(crate) upper_quartile: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) count: usize,
}

impl Spread {
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: quantile(&sorted, 0.5),
            lower_quartile: quantile(&sorted, 0.25),
            upper_quartile: quantile(&sorted, 0.75),
            least: quantile(&sorted, 0.0),
            most: quantile(&sorted, 1.0),
            count: sorted.len(),
        }
    }
}

/// Interpolates a quantile of sorted figures; NaN if there are none.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let environment = part * last as f64;
    let (below, above) = (sorted[environment.floor() as usize], sorted[environment.ceil() as usize]);
    below + (above - below) * environment.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_pairs() {
        let measured = Measured::of(&[(10.0, 1.0), (100.0, 50.0), (300.0, 100.0)]);
        assert_eq!(measured.ratio.median, 3.0);
        assert_eq!((measured.ratio.least, measured.ratio.most), (2.0, 10.0));
        assert_eq!((measured.ours.median, measured.baseline.median), (100.0, 50.0));
    }

    #[test]
    fn quantiles_lie_between_figures() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0, 8.0], 0.5), 3.0);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn bar_holds_on_its_side() {
        let ratio = |ratio| Measured::of(&[(ratio, 1.0)]);
        assert!(Bar::AtLeast(3.0, 6.0).holds(&ratio(3.0)) && !Bar::AtLeast(3.0, 6.0).holds(&ratio(2.99)));
        assert!(Bar::AtMost(1.05, 1.0).holds(&ratio(1.05)) && !Bar::AtMost(1.05, 1.0).holds(&ratio(1.06)));
        let is_close = |figure| Bar::AtLeast(3.0, 6.0).is_close(&ratio(figure));
        assert!(is_close(3.1) && !is_close(3.2));
    }

    #[test]
    fn bar_of_a_figure_does_not_depend_on_the_baseline() {
        let bar = Bar::FigureAtMost(10.0, 2.0);
        let measured = |ours| Measured::of(&[(ours, 0.1)]);
        assert!(bar.holds(&measured(10.0)) && !bar.holds(&measured(10.1)));
        assert!(bar.is_close(&measured(9.9)) && !bar.is_close(&measured(9.0)));
    }
}
