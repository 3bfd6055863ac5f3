//! The output of a verb: lines of text for people, or lines of JSON for programs.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;

/// The version of the shape of the lines of JSON.
const SHAPE: u32 = 1;

/// The option that every verb has.
#[derive(Args, Clone, Copy, Debug)]
pub struct Format {
    /// Print one JSON object a line, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a verb prints.
pub(crate) struct Output<'a> {
    writer: &'a mut (dyn Write + Send),
    is_json: bool,
    /// The number of columns of the terminal; `None` if the output is not a terminal.
    width: Option<u16>,
}

impl<'a> Output<'a> {
    pub(crate) fn new(writer: &'a mut (dyn Write + Send), format: Format, width: Option<u16>) -> Self {
        Self { writer, is_json: format.json, width }
    }

    /// Prints a value: for programs an object with the version of the shape and one field, for people some text.
    pub(crate) fn print<V: Serialize>(
        &mut self,
        field: &str,
        value: impl FnOnce() -> V,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_json {
            let json = serde_json::to_string(&value()).map_err(io::Error::from)?;
            return self.line(&format!(r#"{{"shape":{SHAPE},"{field}":{json}}}"#));
        }
        self.line(&text())
    }

    /// Prints many values: an object each for programs, and one text for people, such as a table.
    pub(crate) fn print_all<'t, T, V: Serialize>(
        &mut self,
        field: &str,
        items: &'t [T],
        value: impl Fn(&'t T) -> V,
        text: impl FnOnce(&[T], Option<u16>) -> String,
    ) -> Result<(), Failure> {
        if self.is_json {
            return items.iter().try_for_each(|item| self.print(field, || value(item), String::new));
        }
        match text(items, self.width) {
            text if text.is_empty() => Ok(()),
            text => self.line(&text),
        }
    }

    /// Prints a line for people, and nothing for programs.
    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.is_json { Ok(()) } else { self.line(&text()) }
    }

    /// Prints an error for programs. People read it elsewhere.
    pub(crate) fn error(&mut self, failure: &Failure) -> Result<(), Failure> {
        if self.is_json { self.print("error", || failure.to_json(), String::new) } else { Ok(()) }
    }

    fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.writer, "{line}")?;
        Ok(self.writer.flush()?)
    }
}
