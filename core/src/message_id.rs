//! Ids of events and commands.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;

thread_local! {
    static LAST: Cell<Uuid> = const { Cell::new(Uuid::nil()) };
}

/// Returns a new, unique id: a version 7 UUID. The ids of a thread grow.
///
/// The first id of a thread in each millisecond is made of random bits of the operating system, and of a counter that belongs to it
/// alone in the process. The following ids of the same millisecond count up from it, because random bits cost a system call. So ids
/// are unique but not secret: the next id can be guessed from an id.
pub(crate) fn new_message_id() -> Uuid {
    let last = LAST.get();
    let next = following(last).filter(|_| millis_of(last) == millis_now()).unwrap_or_else(Uuid::now_v7);
    LAST.set(next);
    next
}

/// The id with the next number in its last 32 bits. `None` if there is none.
fn following(id: Uuid) -> Option<Uuid> {
    let id = id.as_u128();
    (id as u32 != u32::MAX).then(|| Uuid::from_u128(id + 1))
}

/// The milliseconds since 1970 in a version 7 UUID.
fn millis_of(id: Uuid) -> u128 {
    id.as_u128() >> 80
}

fn millis_now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use uuid::{Variant, Version};

    use super::*;

    fn new_ids() -> Vec<Uuid> {
        (0..20_000).map(|_| new_message_id()).collect()
    }

    #[test]
    fn ids_are_unique_among_threads_and_grow_in_each_of_them() {
        let threads: Vec<_> = (0..8).map(|_| thread::spawn(new_ids)).collect();
        let ids: Vec<Vec<Uuid>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(ids.iter().all(|ids| ids.is_sorted()));
        let all: HashSet<Uuid> = ids.iter().flatten().copied().collect();
        assert_eq!(all.len(), 8 * 20_000);
        assert!(all.iter().all(|id| id.get_version() == Some(Version::SortRand)));
        assert!(all.iter().all(|id| id.get_variant() == Variant::RFC4122));
    }

    #[test]
    fn random_bits_are_read_at_most_once_in_a_millisecond() {
        let ids = new_ids();
        let mut read = ids.windows(2).filter(|pair| following(pair[0]) != Some(pair[1]));
        assert!(read.all(|pair| millis_of(pair[0]) < millis_of(pair[1])));
    }

    #[test]
    fn last_number_has_no_following_id() {
        let last = Uuid::from_u128((Uuid::now_v7().as_u128() >> 32 << 32) | u128::from(u32::MAX));
        assert_eq!(following(last), None);
        let before = Uuid::from_u128(last.as_u128() - 1);
        assert_eq!(following(before), Some(last));
    }
}
