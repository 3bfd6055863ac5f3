//! Six hundred events in one union, aggregate, projection and policy: no check has more steps than the compiler allows in a
//! constant.

#![allow(clippy::unwrap_used)] // in the helpers too
#![allow(missing_docs, reason = "a test has no documentation to read")]

use annalist::{prelude::*, testing::given};
use annalist_ui_tests::{read, records};

annalist_ui_tests::six_hundred_events!();

#[derive(Event, Debug, Clone, PartialEq)]
enum AllEvents {
    Part0(Part0),
    Part1(Part1),
    Part2(Part2),
    Part3(Part3),
    Part4(Part4),
    Part5(Part5),
}

#[derive(Aggregate, Debug, PartialEq)]
#[aggregate(on(
    Part0 => Count::add,
    Part1 => Count::add,
    Part2 => Count::add,
    Part3 => Count::add,
    Part4 => Count::add,
    Part5 => Count::add,
))]
struct Count {
    events: u32,
}

impl Count {
    fn add<E>(&mut self, _: &E) {
        self.events += 1;
    }
}

#[derive(Projection, Debug, PartialEq)]
#[projection(
    name = "totals",
    version = 1,
    on(
        Part0 => Total::add by everything,
        Part1 => Total::add by everything,
        Part2 => Total::add by everything,
        Part3 => Total::add by everything,
        Part4 => Total::add by everything,
        Part5 => Total::add by everything,
    )
)]
struct Total {
    #[key]
    group: u32,
    events: u32,
}

impl Total {
    fn add<E>(&mut self, _: &E) {
        self.events += 1;
    }
}

fn everything<E>(_: &E) -> u32 {
    1
}

#[derive(Policy)]
#[policy(name = "silence", from = now, on_reject = stop, on(
    Part0 => Silence::ignore,
    Part1 => Silence::ignore,
    Part2 => Silence::ignore,
    Part3 => Silence::ignore,
    Part4 => Silence::ignore,
    Part5 => Silence::ignore,
))]
struct Silence;

impl Silence {
    fn ignore<E>(&self, _: &E) {}
}

#[tokio::test]
async fn six_hundred_events_in_one_type() {
    assert_eq!(AllEvents::TYPES.names().len(), 600);
    assert!(AllEvents::TYPES.distinct());
    let name = "company.department.of-a-long-name.part5.happened99";
    assert_eq!(read::<AllEvents>(name, 1, "{}").unwrap(), [AllEvents::Part5(Part5::Happened99)]);

    let events = || (Part0::Happened00, Part2::Happened50, Part5::Happened99);
    let mut count = Count::initial(());
    for record in records(events()) {
        count.fold_record(&record, &Default::default()).unwrap();
    }
    assert_eq!(count, Count { events: 3 });
    given(events()).project::<Total>().row(&1).eq(Total { group: 1, events: 3 });
    given(events()).react(Silence, Part3::Happened01).await.sends_nothing();
}
