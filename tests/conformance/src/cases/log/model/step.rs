//! The steps of a script and their random generation.

use annalist_core::{
    criteria::{Criteria, Item},
    store::PageLimit,
};
use proptest::{collection::vec, option, prelude::*, strategy::Union};

use crate::support::fixtures::tag;

/// One step. Numbers refer to earlier events, reads or entries, modulo their count, so that a script can be played even
/// after proptest has removed steps.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Read { criteria: Criteria, after: Option<usize>, up_to: Option<usize> },
    Append(ScriptedAppend),
    Feed { filter: Criteria, after: usize, limit: PageLimit },
    Receipt { id: u8, command: bool },
    PrefixAt(i64),
    Journal { after: usize, limit: PageLimit },
    Purge(i64),
    Reopen,
}

/// What an append step sends.
#[derive(Clone, Debug)]
pub(super) struct ScriptedAppend {
    /// Type and tags of each event.
    pub(super) events: Vec<(String, Vec<String>)>,
    /// The earlier reads that it is conditioned on.
    pub(super) reads: Vec<usize>,
    /// Criteria of a condition with the marker at the start of the log.
    pub(super) unread: Option<Criteria>,
    /// The command id, and whether it is for the first of two commands.
    pub(super) key: Option<(u8, bool)>,
    /// The body of the journal entry: of an accepted command, or of a rejected one if there are no events.
    pub(super) journal: Option<u8>,
    pub(super) second: i64,
}

/// Scripts of up to 40 steps, most of them reads and appends.
pub(super) fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..40)
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..6_u8;
    let bounds = (option::weighted(0.2, 0..50_usize), option::weighted(0.2, 0..50_usize));
    let read =
        (criteria(), bounds).prop_map(|(criteria, (after, up_to))| Step::Read { criteria, after, up_to });
    let feed = (criteria(), 0..50_usize, limit()).prop_map(|(filter, after, limit)| Step::Feed {
        filter,
        after,
        limit,
    });
    let receipt = (id, any::<bool>()).prop_map(|(id, command)| Step::Receipt { id, command });
    let journal = (0..10_usize, limit()).prop_map(|(after, limit)| Step::Journal { after, limit });
    Union::new_weighted(vec![
        (8, scripted_append().prop_map(Step::Append).boxed()),
        (5, read.boxed()),
        (2, feed.boxed()),
        (1, receipt.boxed()),
        (1, (-1..10_i64).prop_map(Step::PrefixAt).boxed()),
        (1, journal.boxed()),
        (1, (-1..10_i64).prop_map(Step::Purge).boxed()),
        (1, Just(Step::Reopen).boxed()),
    ])
}

/// A few records, or a few bytes: payloads have 2 bytes, and commands up to 3.
fn limit() -> impl Strategy<Value = PageLimit> {
    (0..6_usize, prop_oneof![Just(usize::MAX), 0..10_usize])
        .prop_map(|(records, bytes)| PageLimit { records, bytes })
}

fn scripted_append() -> impl Strategy<Value = ScriptedAppend> {
    let event = (type_name(), vec(tag_text(), 0..3));
    let reads = vec(0..20_usize, 0..3);
    let unread = option::weighted(0.1, criteria());
    let key = option::weighted(0.4, (0..6_u8, any::<bool>()));
    let journal = option::weighted(0.3, any::<u8>());
    (vec(event, 0..4), reads, unread, key, journal, -1..10_i64).prop_map(
        |(events, reads, unread, key, journal, second)| ScriptedAppend {
            events,
            reads,
            unread,
            key,
            journal,
            second,
        },
    )
}

fn criteria() -> impl Strategy<Value = Criteria> {
    vec(item(), 0..3).prop_map(Criteria::from_iter)
}

fn item() -> impl Strategy<Value = Item> {
    (vec(type_name(), 0..3), vec(tag_text(), 0..3)).prop_map(|(types, tags)| {
        tags.iter().fold(Item::any().types(types), |item, text| item.tag(tag(text)))
    })
}

fn type_name() -> impl Strategy<Value = String> {
    (0..3_u8).prop_map(|n| format!("type{n}"))
}

fn tag_text() -> impl Strategy<Value = String> {
    (prop_oneof!["a", "b"], 0..2_u8).prop_map(|(kind, value)| format!("{kind}:{value}"))
}
