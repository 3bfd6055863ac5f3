//! The report: a table on the terminal, and files.

use std::{fs, path::PathBuf};

use serde::Serialize;

use crate::{
    Result,
    curves::{self, Curve},
    harness::{Measured, Row, Spread},
    machine::Machine,
    plot,
};

pub(crate) struct Report {
    folder: PathBuf,
    lines: Vec<Line>,
    curves: Vec<Drawn>,
    not_compiled: Vec<&'static str>,
}

/// A row of the report. A row that could not be measured does not hold its bar.
#[derive(Debug, Serialize)]
struct Line {
    work: &'static str,
    against: &'static str,
    unit: &'static str,
    ours: Option<f64>,
    baseline: Option<f64>,
    ratio: Option<f64>,
    bar: f64,
    stretch: f64,
    holds: bool,
    ratios: Option<Spread>,
    error: Option<String>,
}

/// A curve of the report.
#[derive(Debug, Serialize)]
struct Drawn {
    name: &'static str,
    x: &'static str,
    y: &'static str,
    lines: Vec<curves::Line>,
    error: Option<String>,
}

impl Report {
    /// Creates an empty report, and writes the description of the machine to its folder.
    pub(crate) fn new(folder: &std::path::Path, machine: Machine) -> Result<Self> {
        fs::create_dir_all(folder.join("plots"))?;
        let meta = serde_json::to_string_pretty(&machine)?;
        fs::write(folder.join("meta.json"), &meta)?;
        println!("{meta}");
        Ok(Self {
            folder: folder.to_owned(),
            lines: Vec::new(),
            curves: Vec::new(),
            not_compiled: Vec::new(),
        })
    }

    /// Adds a row and writes the file again, so that an interrupted run leaves its results.
    pub(crate) fn add(&mut self, row: &Row, outcome: Result<Measured>) -> Result<()> {
        let line = Line::of(row, outcome);
        println!("    {}", line.summary());
        self.lines.push(line);
        fs::write(self.folder.join("report.json"), serde_json::to_string_pretty(&self.lines)?)?;
        Ok(())
    }

    /// Adds a curve and its plot.
    pub(crate) fn add_curve(&mut self, curve: &Curve, outcome: Result<Vec<curves::Line>>) -> Result<()> {
        let (lines, error) = match outcome {
            Ok(lines) => (lines, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        if let Some(error) = &error {
            println!("    not measured: {error}");
        } else {
            plot::draw(&self.folder.join("plots").join(file_name(curve.name)), curve, &lines)?;
        }
        for line in &lines {
            let points = line.points.iter().map(|point| format!("{}: {:.1}", point.x, point.y));
            println!("    {}  {}", line.name, points.collect::<Vec<_>>().join("  "));
        }
        self.curves.push(Drawn { name: curve.name, x: curve.x, y: curve.y, lines, error });
        fs::write(self.folder.join("curves.json"), serde_json::to_string_pretty(&self.curves)?)?;
        Ok(())
    }

    /// Adds compile times, in a file of their own.
    pub(crate) fn add_compile(
        &mut self,
        name: &'static str,
        file: &str,
        outcome: Result<impl Serialize>,
    ) -> Result<()> {
        match outcome {
            Ok(compile) => {
                let text = serde_json::to_string_pretty(&compile)?;
                println!("{text}");
                fs::write(self.folder.join(file), text)?;
            }
            Err(error) => {
                println!("    not measured: {error}");
                self.not_compiled.push(name);
            }
        }
        Ok(())
    }

    /// The table.
    ///
    /// # Errors
    /// Returns an error if a row could not be measured. A bar that does not hold is a result, not an error.
    pub(crate) fn conclude(&self) -> Result<()> {
        println!("\n{}", table(&self.lines));
        println!("written to {}", self.folder.display());
        let rows = self.lines.iter().filter(|line| line.error.is_some()).map(|line| line.work);
        let curves = self.curves.iter().filter(|curve| curve.error.is_some()).map(|curve| curve.name);
        let compile = self.not_compiled.iter().copied();
        let failed: Vec<&str> = rows.chain(curves).chain(compile).collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("not measured: {}", failed.join("; ")).into()) }
    }
}

impl Line {
    fn of(row: &Row, outcome: Result<Measured>) -> Self {
        let (measured, error) = match outcome {
            Ok(measured) => (Some(measured), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let ratio = measured.as_ref().map(|measured| measured.ratio.median);
        Self {
            work: row.work,
            against: row.baseline,
            unit: row.unit,
            ours: measured.as_ref().map(|measured| measured.ours.median),
            baseline: measured.as_ref().map(|measured| measured.baseline.median),
            ratio,
            bar: row.bar.bar(),
            stretch: row.bar.stretch(),
            holds: measured.as_ref().is_some_and(|measured| row.bar.holds(measured)),
            ratios: measured.map(|measured| measured.ratio),
            error,
        }
    }

    fn summary(&self) -> String {
        match (&self.ratios, &self.error) {
            (Some(ratios), _) => format!(
                "{} against {} {}: {:.2} ({:.2} to {:.2})",
                number(self.ours),
                number(self.baseline),
                self.unit,
                ratios.median,
                ratios.least,
                ratios.most
            ),
            (None, Some(error)) => format!("not measured: {error}"),
            (None, None) => String::new(),
        }
    }
}

fn table(lines: &[Line]) -> String {
    let heads = ["work", "ours", "baseline", "unit", "ratio", "middle half", "bar", "stretch", ""];
    let cells = lines.iter().map(|line| {
        let ratios = line.ratios.as_ref();
        let verdict = match (&line.error, line.holds) {
            (Some(_), _) => "not measured",
            (None, true) => "holds",
            (None, false) => "misses",
        };
        [
            format!("{} | {}", line.work, line.against),
            number(line.ours),
            number(line.baseline),
            line.unit.to_owned(),
            line.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
            ratios.map_or("-".to_owned(), |r| format!("{:.2}..{:.2}", r.lower_quartile, r.upper_quartile)),
            line.bar.to_string(),
            line.stretch.to_string(),
            verdict.to_owned(),
        ]
    });
    let rows: Vec<[String; 9]> = std::iter::once(heads.map(str::to_owned)).chain(cells).collect();
    let widths: [usize; 9] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; 9]| -> String {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `curve: deposits by tasks, PostgreSQL` becomes `deposits-by-tasks-postgresql.svg`.
fn file_name(curve: &str) -> String {
    let name = curve.trim_start_matches("curve: ").to_lowercase();
    let words: Vec<&str> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-") + ".svg"
}

/// Formats a figure with four significant digits.
fn number(figure: Option<f64>) -> String {
    match figure {
        None => "-".to_owned(),
        Some(figure) if figure >= 1_000.0 => format!("{figure:.0}"),
        Some(figure) => format!("{figure:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{harness::Bar, rows::ROWS};

    #[test]
    fn unmeasured_row_holds_no_bar() {
        let line = Line::of(&ROWS[0], Err("no server".into()));
        assert!(!line.holds && line.ratio.is_none());
        assert!(table(&[line]).contains("not measured"));
    }

    #[test]
    fn the_table_says_which_bar_holds() {
        let spread = |figure| Spread::of([figure]);
        let measured = Measured { ours: spread(30.0), baseline: spread(10.0), ratio: spread(3.0) };
        let row = Row { bar: Bar::AtLeast(3.0, 6.0), ..Row { ..ROWS[0] } };
        assert!(table(&[Line::of(&row, Ok(measured))]).ends_with("holds"));
    }
}
