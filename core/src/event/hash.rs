//! Hashes of names, as constants.

/// Adds a length and bytes to a hash, as FNV-1a (Fowler, Noll, Vo).
pub(crate) const fn fnv_mix(hash: u64, bytes: &[u8]) -> u64 {
    fnv_from(hash ^ bytes.len() as u64, bytes)
}

/// The hash FNV-1a of bytes.
pub(super) const fn fnv(bytes: &[u8]) -> u64 {
    fnv_from(0xcbf2_9ce4_8422_2325, bytes)
}

const fn fnv_from(hash: u64, bytes: &[u8]) -> u64 {
    let (mut hash, mut i) = (hash, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}
