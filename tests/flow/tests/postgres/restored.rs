//! What the restore of an archive holds in memory: a part of the file. The test measures the heap of the program, and prints the figures.

use std::sync::Arc;

use annalist::{
    App, Criteria, EventStore, Memory, Timestamp, raw::store::RestoreStep, store::Read, transfer,
};
use annalist_flow_tests::domain::{Account, account};
use tokio::{fs::File, io::BufReader, runtime::Runtime};

use crate::large_payloads::{append_events, peak};

/// The number of events, each with a payload of 1 MiB.
const EVENTS: usize = 96;
/// Less than the events, and more than a page of 8 MiB, the parameters of its statement and their buffer.
const LIMIT: u64 = 64 << 20;

pub(crate) fn check_memory(runtime: &Runtime, store: &Arc<dyn EventStore>) {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["1.jsonl", "2.jsonl"].map(|name| folder.path().join(name));
    let app = runtime.block_on(async {
        append_events(&**store, "a", EVENTS, 1).await;
        let app = App::builder(Arc::clone(store)).start().await.unwrap();
        let archive = app.archive([&account("a")]).to(&first).await.unwrap();
        assert_eq!(archive.removed.unwrap().events, EVENTS as u64);
        app
    });
    let held = peak(runtime, async { drop(app.restore(1, &first).await.unwrap()) });
    let restored = runtime.block_on(async { app.load::<Account>(&account("a")).await.unwrap() });
    assert_eq!(restored.balance, EVENTS as u64);
    eprintln!("a restore held {} MiB", held >> 20);
    // The control: all events of the file in one page.
    runtime.block_on(async { drop(app.archive([&account("a")]).to(&second).await.unwrap()) });
    let all_at_once = peak(runtime, async {
        let file = Memory::new();
        transfer::import(&file, &mut BufReader::new(File::open(&second).await.unwrap())).await.unwrap();
        let records = file.read(&[Read::all(Criteria::all())]).await.unwrap().remove(0).records;
        let step = RestoreStep { number: 2, events: Box::new(records), at: Timestamp::from_micros(1) };
        store.restore(step).await.unwrap();
    });
    eprintln!("all archived events at once are {} MiB", all_at_once >> 20);
    assert!(all_at_once > LIMIT, "all archived events at once are only {} MiB", all_at_once >> 20);
    assert!(held < LIMIT, "a restore held {} MiB", held >> 20);
}
