//! What stored keys are encrypted with.

use std::{env, fmt, fs, path::Path};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    error::Error,
    secret::{CipherKey, KEY_BYTES},
};

/// Encrypts the keys of subjects before they are stored, so that a copy of the database does not reveal them. It is a key that the
/// operator keeps elsewhere, or a service that encrypts.
///
/// `context` says which key is encrypted: what was encrypted with another context does not decrypt.
#[async_trait]
pub trait MasterKey: Send + Sync + 'static {
    /// The name of the master key that [`wrap`](Self::wrap) uses. It is stored with each key.
    fn name(&self) -> &str;

    /// Encrypts a key.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the service does not answer.
    async fn wrap(&self, context: &[u8], key: &[u8; KEY_BYTES]) -> Result<Vec<u8>, Error>;

    /// Decrypts a key that the master key with this name has encrypted.
    ///
    /// # Errors
    /// [`Error::Unusable`] if it is not a key of this master key; [`Error::Unavailable`] if the service does not answer.
    async fn unwrap(
        &self,
        context: &[u8],
        name: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error>;
}

/// A master key of 32 bytes in the memory of the program, and older ones that still decrypt.
///
/// Its name is made from its bytes. To replace a master key, pass the new one with [`and_older`](Self::and_older) of the old one, and
/// encrypt the stored keys with it: see [`App::rewrap_keys`](crate::app::App::rewrap_keys). The events stay as they are.
#[derive(Clone)]
pub struct LocalMasterKey {
    current: Named,
    older: Vec<Named>,
}

#[derive(Clone)]
struct Named {
    name: String,
    cipher: CipherKey,
}

impl LocalMasterKey {
    /// The master key of these bytes, which must be random: for example `openssl rand -hex 32`.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self { current: Named::new(bytes), older: Vec::new() }
    }

    /// Reads a master key from a variable of the environment: 64 hexadecimal digits, or base64.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the variable is missing or has another form. The error does not show its value.
    pub fn from_env(variable: &str) -> Result<Self, Error> {
        let operation = format!("read the master key from the environment variable `{variable}`");
        let text = env::var(variable).map_err(|error| match error {
            env::VarError::NotPresent => Error::unusable(&operation, "it is not set"),
            env::VarError::NotUnicode(_) => Error::unusable(&operation, FORM),
        });
        Self::parse(&operation, &Zeroizing::new(text?))
    }

    /// Reads a master key from a file: 64 hexadecimal digits, or base64.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the file cannot be read or has another form. The error does not show its content.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let operation = format!("read the master key from the file `{}`", path.as_ref().display());
        let text = fs::read_to_string(path).map_err(|error| Error::unusable(&operation, error.to_string()));
        Self::parse(&operation, &Zeroizing::new(text?))
    }

    /// Also decrypts what another master key has encrypted.
    #[must_use]
    pub fn and_older(mut self, older: Self) -> Self {
        self.older.push(older.current);
        self.older.extend(older.older);
        self
    }

    fn parse(operation: &str, text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let bytes = from_hex(text).or_else(|| BASE64_STANDARD.decode(text).ok()).map(Zeroizing::new);
        let bytes = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(&bytes[..]).ok());
        bytes.map(Self::new).ok_or_else(|| Error::unusable(operation, FORM))
    }
}

/// What is wrong with a text that is not a key.
const FORM: &str =
    "it must have 32 bytes, as 64 hexadecimal digits or as base64; `openssl rand -hex 32` makes one";

impl Named {
    fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let digest = Sha256::new().chain_update(b"annalist master key").chain_update(bytes).finalize();
        let name = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name, cipher: CipherKey::new(bytes) }
    }
}

/// Shows the names, never the keys.
impl fmt::Debug for LocalMasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let older: Vec<_> = self.older.iter().map(|key| &key.name).collect();
        f.debug_struct("LocalMasterKey").field("name", &self.current.name).field("older", &older).finish()
    }
}

#[async_trait]
impl MasterKey for LocalMasterKey {
    fn name(&self) -> &str {
        &self.current.name
    }

    async fn wrap(&self, context: &[u8], key: &[u8; KEY_BYTES]) -> Result<Vec<u8>, Error> {
        let wrapped = self.current.cipher.encrypt(context, key);
        wrapped.map_err(|reason| Error::unavailable("encrypt the key of a subject", reason))
    }

    async fn unwrap(
        &self,
        context: &[u8],
        name: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error> {
        let operation = "decrypt the key of a subject";
        let mut keys = [&self.current].into_iter().chain(&self.older);
        let Some(key) = keys.find(|key| key.name == name) else {
            let known = &self.current.name;
            let reason = format!(
                "it is encrypted with the master key `{name}`, and the program has `{known}`; pass the old one with `and_older`"
            );
            return Err(Error::unusable(operation, reason));
        };
        let bytes = key.cipher.decrypt(context, wrapped);
        let bytes = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(&bytes[..]).ok());
        bytes.map(Zeroizing::new).ok_or_else(|| Error::unusable(operation, "the stored key is damaged"))
    }
}

/// The bytes of hexadecimal digits.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_BYTES] = [5; KEY_BYTES];

    #[tokio::test]
    async fn older_master_keys_decrypt_and_the_current_one_encrypts() {
        let (old, new) = (LocalMasterKey::new([1; 32]), LocalMasterKey::new([2; 32]));
        let by_old = old.wrap(b"c", &KEY).await.unwrap();
        let both = new.clone().and_older(old.clone());
        assert_eq!(*both.unwrap(b"c", old.name(), &by_old).await.unwrap(), KEY);
        let by_new = both.wrap(b"c", &KEY).await.unwrap();
        assert_eq!(both.name(), new.name());
        assert_eq!(*new.unwrap(b"c", new.name(), &by_new).await.unwrap(), KEY);

        let error = new.unwrap(b"c", old.name(), &by_old).await.unwrap_err().to_string();
        assert!(error.contains(old.name()) && error.contains("`and_older`"), "{error}");
    }

    #[tokio::test]
    async fn key_that_was_moved_or_changed_is_refused() {
        let master = LocalMasterKey::new([1; 32]);
        let mut wrapped = master.wrap(b"c", &KEY).await.unwrap();
        master.unwrap(b"other", master.name(), &wrapped).await.unwrap_err();
        wrapped[30] ^= 1;
        let error = master.unwrap(b"c", master.name(), &wrapped).await.unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
        master.unwrap(b"c", master.name(), b"").await.unwrap_err();
    }

    #[test]
    fn master_key_is_read_as_hexadecimal_digits_or_base64() {
        let parse = |text: &str| LocalMasterKey::parse("read", text).map(|key| key.current.name);
        let expected = LocalMasterKey::new([0xab; 32]).current.name;
        assert_eq!(parse(&format!(" {}\n", "aB".repeat(32))).unwrap(), expected);
        assert_eq!(parse(&BASE64_STANDARD.encode([0xab; 32])).unwrap(), expected);
        for wrong in ["", "ab", &"ab".repeat(31), &"ag".repeat(32), &"é".repeat(32), &"ab".repeat(33)] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains("32 bytes") && (wrong.is_empty() || !error.contains(wrong)), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let text = format!("{:?}", LocalMasterKey::new([0xab; 32]));
        assert!(text.starts_with("LocalMasterKey { name:") && !text.contains("171"), "{text}");
    }
}
