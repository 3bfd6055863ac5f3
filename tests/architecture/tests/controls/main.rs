//! Shows each check what it must find, because a check that finds nothing in the workspace may just not work.

mod cycles;
mod dependencies;
mod examples;
mod names;
mod phrases;
mod single_files;
