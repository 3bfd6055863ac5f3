//! `describe`: prints the model of the application. No store is opened.

use std::{fs, path::PathBuf};

use annalist_core::model::Model;
use clap::{Args, ValueEnum};

use crate::{
    failure::Failure,
    output::{Format, Output},
};

/// The options of `describe`.
#[derive(Args, Clone, Debug)]
pub struct Describe {
    /// A catalogue in Markdown, or a flowchart in Mermaid.
    #[arg(long, value_enum, default_value = "markdown")]
    form: Form,
    /// Write the JSON Schemas of the events into this folder instead, a file for each version.
    #[arg(long, value_name = "FOLDER")]
    schemas: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// A catalogue.
    Markdown,
    /// A flowchart of what writes and reads what.
    Mermaid,
}

impl Describe {
    pub(crate) fn run(self, model: &Model, output: &mut Output<'_>) -> Result<(), Failure> {
        if let Some(folder) = &self.schemas {
            let files = model.json_schemas();
            fs::create_dir_all(folder).map_err(Failure::of_file(folder))?;
            for (name, schema) in &files {
                let path = folder.join(name);
                fs::write(&path, schema).map_err(Failure::of_file(&path))?;
            }
            let place = folder.display().to_string();
            return output.print(
                "schemas",
                || files.keys().collect::<Vec<_>>(),
                || format!("{} JSON Schemas are in {place}", files.len()),
            );
        }
        output.print(
            "model",
            || model,
            || match self.form {
                Form::Markdown => model.to_markdown(),
                Form::Mermaid => model.to_mermaid(),
            },
        )
    }
}
