//! Moving a log: export to a file, import of a file, copy from one store to another. For operators and their programs.
//!
//! ```
//! # use annalist_doc_tests::*;
//! # run(async {
//! # let app = bank().await?;
//! use annalist::{Memory, transfer::{self, Export}};
//!
//! // Any `tokio::io::AsyncWrite`, such as a `tokio::fs::File`.
//! let mut file = Vec::new();
//! Export::new(app.store().clone()).write_to(&mut file).await?;
//!
//! // Any `tokio::io::AsyncBufRead`, such as a `tokio::io::BufReader` of a file.
//! let store = Memory::new();
//! transfer::import(&store, &mut file.as_slice()).await?;
//!
//! let copy = App::builder(store).start().await?;
//! assert_eq!(copy.load::<Account>(&id("a")).await?.cents, 10);
//! # Ok(())
//! # });
//! ```
//!
//! An export has the events with their positions, ids, times and metadata, the command ids with their receipts, and the journal. Rows
//! of projections and snapshots are not part of it: they are made from the events again.
//!
//! **Policies** continue where they were, if their checkpoints are in the row store beside the log, which is the default. A policy with
//! its checkpoint elsewhere handles the events of an imported log from the first one on: its commands are not executed twice while
//! their ids are in the log ([`command_id_retention`](crate::app::Builder::command_id_retention)), and whatever else it does is repeated.
//!
//! The form of the files is described in `docs/exports.md` of the repository.
#[doc(inline)]
pub use annalist_core::transfer::{Export, Part, TransferError, Transferred, copy, import};
