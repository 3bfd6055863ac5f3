//! The suite on stores that are broken on purpose: each must fail at least the case that is about its fault, and the
//! store that they are made of must fail none. What this cannot show, the suite cannot find.

// A poisoned lock or an invalid name is a mistake of the test itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken {
    pub(crate) mod store;
}

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use annalist_conformance::{BoxError, Capability, Settings, Subject, Suite, Verdict, cases};
use annalist_core::store::EventStore;

use self::broken::store::{Broken, Fault};

/// Logs with a fault.
struct Faulty(Fault);

#[async_trait::async_trait]
impl Subject for Faulty {
    const NAME: &'static str = "broken";
    type Place = Arc<Broken>;

    async fn create(&self) -> Result<Arc<Broken>, BoxError> {
        Ok(Arc::new(Broken::new(self.0)))
    }

    async fn open(&self, place: &Arc<Broken>) -> Result<Arc<dyn EventStore>, BoxError> {
        if self.0 == Fault::KeepsNothing {
            return Ok(Arc::new(Broken::new(self.0)));
        }
        Ok(Arc::clone(place) as Arc<dyn EventStore>)
    }
}

/// The cases that find something wrong with a store, each with its message. Cases that do not end find nothing; as they
/// only wait, many of them can do so at once.
fn found(fault: Fault) -> Vec<(&'static str, String)> {
    let suite = Suite::new(Faulty(fault), Settings::default().patient_for(Duration::from_secs(5)));
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(case) = cases().get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Verdict::Broken(failure) = suite.check(case) {
                        found.lock().unwrap().push((case.name(), failure.to_string()));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// The store that the broken ones are made of is sound, and so is one with gaps whose feed respects them.
#[test]
fn sound_stores_fail_nothing() {
    for fault in [Fault::None, Fault::GapsAndPatientFeed] {
        let suite = Suite::new(Faulty(fault), Settings::default());
        for case in cases() {
            let verdict = suite.check(case);
            assert!(
                matches!(verdict, Verdict::Kept | Verdict::Skipped(_)),
                "{fault:?}: {}: {verdict:?}",
                case.name()
            );
        }
    }
}

/// For each fault, a case that is about it.
macro_rules! must_fail {
    ($($test:ident: $fault:ident fails $case:literal;)+) => {
        $(
            #[test]
            fn $test() {
                let found = found(Fault::$fault);
                let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
                println!("{} cases find it: {}", names.len(), names.join(", "));
                assert!(names.contains(&$case), "{} does not find it; these do: {found:#?}", $case);
            }
        )+
    };
}

must_fail! {
    accepts_everything: AcceptsEverything fails "condition::what_must_fail_on_three_events";
    checks_before_it_appends: ChecksBeforeItAppends fails "oracle::every_answer_to_random_appends_is_right";
    ignores_tags_in_conditions: IgnoresTagsInConditions fails "condition::what_does_not_match_is_no_conflict";
    ignores_types_in_conditions: IgnoresTypesInConditions fails "condition::what_does_not_match_is_no_conflict";
    watches_only_the_first_item: WatchesOnlyTheFirstItem fails "condition::what_must_fail_on_three_events";
    watches_only_the_first_condition: WatchesOnlyTheFirstCondition fails "condition::each_condition_is_checked_and_named";
    conflicts_too_eagerly: ConflictsTooEagerly fails "race::disjoint_boundaries_never_conflict";
    does_not_guard_empty_reads: DoesNotGuardEmptyReads fails "condition::an_empty_read_guards";
    marks_beyond_what_was_read: MarksBeyondWhatWasRead fails "condition::a_marker_stands_for_what_up_to_cut_off";
    names_the_wrong_condition: NamesTheWrongCondition fails "condition::each_condition_is_checked_and_named";
    names_the_first_match: NamesTheFirstMatch fails "condition::the_newest_match_is_named";
    writes_what_it_refuses: WritesWhatItRefuses fails "condition::a_refused_append_leaves_nothing";
    loses_every_seventh_event: LosesEverySeventhEvent fails "append::events_of_one_append_keep_their_order";
    reads_item_by_item: ReadsItemByItem fails "read::the_order_of_items_does_not_matter";
    reads_from_the_start: ReadsFromTheStart fails "read::after_and_up_to_cut_the_answer";
    swaps_answers: SwapsAnswers fails "read::several_reads_have_an_answer_each";
    swaps_receipts: SwapsReceipts fails "append::receipts_say_where_the_events_stand";
    reorders_events: ReordersEvents fails "append::events_of_one_append_keep_their_order";
    changes_payloads: ChangesPayloads fails "limits::payloads_keep_every_byte";
    drops_metadata: DropsMetadata fails "append::an_event_is_read_back_as_it_was_written";
    cuts_times: CutsTimes fails "append::recorded_times_need_not_grow";
    compares_tags_without_case: ComparesTagsWithoutCase fails "criteria::tags_are_compared_byte_by_byte";
    half_writes: HalfWrites fails "dropped::a_dropped_append_is_whole_or_absent";
    forgets_command_ids: ForgetsCommandIds fails "command_id::the_same_command_again_gives_the_first_receipt";
    forgets_appends_of_nothing: ForgetsAppendsOfNothing fails "command_id::an_accepted_append_of_nothing_is_remembered";
    remembers_what_it_refused: RemembersWhatItRefused fails "command_id::a_refused_append_is_not_remembered";
    knows_ids_of_other_commands: KnowsIdsOfOtherCommands fails "command_id::an_id_belongs_to_one_command_and_its_ids";
    checks_conditions_before_ids: ChecksConditionsBeforeIds fails "command_id::an_accepted_id_comes_before_conditions";
    looks_ids_up_too_early: LooksIdsUpTooEarly fails "command_id::twenty_at_once_are_accepted_once";
    forgets_too_many_ids: ForgetsTooManyIds fails "command_id::forgotten_ids_are_new_again";
    journals_what_it_knows: JournalsWhatItKnows fails "journal::only_what_is_written_is_journaled";
    keeps_nothing: KeepsNothing fails "append::what_is_acknowledged_outlives_the_handle";
    skips_at_page_borders: SkipsAtPageBorders fails "feed::pages_of_every_size_give_the_same";
    does_not_move_on: DoesNotMoveOn fails "feed::a_page_that_is_not_full_ends_where_the_log_is_settled";
    reads_over_gaps: GapsAndNaiveFeed fails "live_feed::every_filter_and_page_size_sees_everything_once";
    settles_too_early: SettlesTooEarly fails "live_feed::what_is_settled_never_changes";
    takes_the_last_event_before_a_time: TakesTheLastEventBeforeATime fails "position_at::a_clock_that_jumps_back";
}

/// Whatever is wrong, the comparison with the model finds it too, as long as no concurrency is needed.
#[test]
fn the_model_finds_sequential_faults() {
    let script =
        cases().iter().find(|case| case.name().starts_with("script::")).expect("the case that plays scripts");
    for fault in [
        Fault::AcceptsEverything,
        Fault::IgnoresTagsInConditions,
        Fault::ConflictsTooEagerly,
        Fault::DoesNotGuardEmptyReads,
        Fault::ReordersEvents,
        Fault::ForgetsCommandIds,
        Fault::KnowsIdsOfOtherCommands,
        Fault::ChecksConditionsBeforeIds,
        Fault::SkipsAtPageBorders,
        Fault::TakesTheLastEventBeforeATime,
        Fault::ForgetsTooManyIds,
    ] {
        // A fixed seed: how often a fault shows in twenty scripts is a matter of luck.
        let suite = Suite::new(Faulty(fault), Settings::default().scaled(5).seeded(7));
        let verdict = suite.check(script);
        assert!(matches!(verdict, Verdict::Broken(_)), "{fault:?}: {verdict:?}");
    }
}

/// What a store lacks is left out by name, and nothing else is.
#[test]
fn only_what_is_lacking_is_skipped() {
    struct Fleeting;

    #[async_trait::async_trait]
    impl Subject for Fleeting {
        const NAME: &'static str = "fleeting";
        type Place = ();

        fn lacks(&self, capability: Capability) -> Option<&'static str> {
            (capability == Capability::Durable).then_some("it forgets")
        }

        async fn create(&self) -> Result<(), BoxError> {
            Err("a case was run".into())
        }

        async fn open(&self, (): &()) -> Result<Arc<dyn EventStore>, BoxError> {
            Err("a case was run".into())
        }
    }

    let suite = Suite::new(Fleeting, Settings::default());
    for case in cases() {
        match suite.check(case) {
            Verdict::Skipped(reason) => {
                assert!(
                    reason == "it forgets" && case.needs().contains(&Capability::Durable),
                    "{}",
                    case.name()
                );
            }
            Verdict::Broken(failure) => assert!(
                !case.needs().contains(&Capability::Durable)
                    && failure.to_string().contains("a case was run"),
                "{failure}"
            ),
            other => panic!("{}: {other:?}", case.name()),
        }
    }
}

/// Cases are called by their names, so each needs its own.
#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = cases().iter().map(annalist_conformance::Case::name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}
