//! Appending to a log, reading it and following it.

mod append;
mod append_batch;
mod append_batch_races;
mod archive_steps;
mod archives;
mod cancellation;
mod chunked_reads;
mod command_ids;
mod conditions;
mod counts;
mod criteria;
mod encryptions;
mod feeds;
mod imported_archives;
mod imported_policies;
mod imports;
mod journal;
mod limits;
mod live_feeds;
mod model;
mod page_limits;
mod races;
mod random_races;
mod reads;
mod recent_pages;
mod retags;
mod snapshots;
mod stored_types;
mod successors;
mod time_travel;
mod verify;

use crate::Case;

pub(super) const THEMES: &[&[Case]] = &[
    append::CASES,
    reads::CASES,
    recent_pages::CASES,
    chunked_reads::CASES,
    criteria::CASES,
    limits::CASES,
    conditions::CASES,
    command_ids::CASES,
    journal::CASES,
    time_travel::CASES,
    feeds::CASES,
    page_limits::CASES,
    live_feeds::CASES,
    counts::CASES,
    stored_types::CASES,
    successors::CASES,
    retags::CASES,
    encryptions::CASES,
    archives::CASES,
    archive_steps::CASES,
    races::CASES,
    cancellation::CASES,
    append_batch::CASES,
    append_batch_races::CASES,
    random_races::CASES,
    model::CASES,
    snapshots::CASES,
    verify::CASES,
    imports::CASES,
    imported_policies::CASES,
    imported_archives::CASES,
];
