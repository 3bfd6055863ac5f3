//! The keys with which secrets are encrypted, and what forgetting a subject returns. The page `docs/forgetting.md` of the repository explains
//! both.

#[doc(inline)]
pub use annalist_core::{
    app::{EncryptStored, Forget, PersonalData, PersonalEvent},
    id::AfterForget,
    keys::{Erasure, KeyState, KeyStore, LocalMasterKey, MasterKey, SharedKeys, StoredKey, SubjectHash},
};
