//! Encryption of secrets with the keys of their subjects.

use std::mem;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload as Message},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::sealed::Sealed;

/// The number of bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// The number of bytes of a nonce.
const NONCE_BYTES: usize = 24;
/// The number of bytes of the id of a key.
const ID_BYTES: usize = 16;
/// The number of bytes of Base64 that begin with the form and the id of a key.
const KEY_TEXT_BYTES: usize = 24;
/// The first byte of a sealed secret: the form of the bytes after it.
const FORM: u8 = 1;

/// A key that encrypts. Its bytes are overwritten when it is dropped.
#[derive(Clone)]
pub(crate) struct CipherKey(Zeroizing<[u8; KEY_BYTES]>);

impl CipherKey {
    pub(crate) fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new key of random bytes of the operating system.
    ///
    /// # Errors
    /// A text if the system has no random bytes.
    pub(crate) fn random() -> Result<Self, String> {
        let key = Key::try_generate().map_err(|error| error.to_string())?;
        Ok(Self::new(key.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Encrypts bytes: the nonce, and the encrypted bytes. Only a caller that passes the same `context` can decrypt them.
    ///
    /// # Errors
    /// A text if the system has no random bytes, or there are too many bytes.
    pub(crate) fn encrypt(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        let nonce = XNonce::try_generate().map_err(|error| error.to_string())?;
        self.encrypt_with(&nonce, context, plain)
    }

    /// As [`encrypt`](Self::encrypt), but the same bytes with the same context are encrypted to the same bytes again: the nonce is a keyed hash
    /// of both.
    ///
    /// # Errors
    /// A text if there are too many bytes.
    pub(crate) fn encrypt_again(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        let length = (context.len() as u64).to_be_bytes();
        let hash = self.keyed_hash("annalist nonce", &[&length, context, plain])?;
        let nonce = hash.get(..NONCE_BYTES).and_then(|nonce| XNonce::try_from(nonce).ok());
        let nonce = nonce.ok_or_else(|| "the nonce has a wrong length".to_owned())?;
        self.encrypt_with(&nonce, context, plain)
    }

    /// A hash of parts for a purpose, which cannot be computed without the key.
    ///
    /// # Errors
    /// A text if the key cannot be used.
    pub(crate) fn keyed_hash(&self, purpose: &str, parts: &[&[u8]]) -> Result<[u8; 32], String> {
        let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.bytes());
        let mut mac = mac
            .map_err(|_| "the key has a wrong length".to_owned())?
            .chain_update(purpose)
            .chain_update("\0");
        parts.iter().for_each(|part| mac.update(part));
        Ok(mac.finalize().into_bytes().into())
    }

    fn encrypt_with(&self, nonce: &XNonce, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        let message = Message { msg: plain, aad: context };
        let encrypted =
            self.cipher().encrypt(nonce, message).map_err(|_| "it is too long to encrypt".to_owned())?;
        Ok([&nonce[..], &encrypted].concat())
    }

    /// Decrypts what [`encrypt`](Self::encrypt) has returned; `None` if it is something else, or the context is another one.
    pub(crate) fn decrypt(&self, context: &[u8], encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, encrypted) = encrypted.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let message = Message { msg: encrypted, aad: context };
        self.cipher().decrypt(&nonce, message).ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

impl Sealed {
    /// Encrypts the JSON of a secret with a key. `owner` and `path` are where the secret is: elsewhere it cannot be decrypted.
    ///
    /// # Errors
    /// As [`CipherKey::encrypt`].
    pub(crate) fn seal(
        key: Uuid,
        cipher: &CipherKey,
        owner: &[u8],
        path: &str,
        json: &str,
    ) -> Result<Self, String> {
        cipher.encrypt(&place(owner, path), json.as_bytes()).map(|encrypted| Self::of(key, &encrypted))
    }

    /// As [`seal`](Self::seal), but the same secret in the same place has the same form each time: so two builds of the same rows are equal.
    ///
    /// # Errors
    /// As [`CipherKey::encrypt_again`].
    pub(crate) fn seal_again(
        key: Uuid,
        cipher: &CipherKey,
        owner: &[u8],
        path: &str,
        json: &str,
    ) -> Result<Self, String> {
        cipher.encrypt_again(&place(owner, path), json.as_bytes()).map(|encrypted| Self::of(key, &encrypted))
    }

    fn of(key: Uuid, encrypted: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + ID_BYTES + encrypted.len());
        bytes.push(FORM);
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(encrypted);
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The id of its key; `None` if it is damaged.
    pub(crate) fn key(&self) -> Option<Uuid> {
        Self::key_of(&self.0)
    }

    /// The id of the key of a text that begins with a sealed secret.
    pub(super) fn key_of(text: &str) -> Option<Uuid> {
        let text = text.as_bytes().get(..KEY_TEXT_BYTES)?;
        let mut bytes = [0; KEY_TEXT_BYTES / 4 * 3];
        BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (&FORM, rest) = bytes.split_first()? else { return None };
        Uuid::from_slice(rest.get(..ID_BYTES)?).ok()
    }

    /// Decrypts the JSON of the secret; `None` if it is damaged, or was moved here from another place.
    pub(crate) fn unseal(&self, cipher: &CipherKey, owner: &[u8], path: &str) -> Option<Zeroizing<String>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&self.0).ok()?;
        let (&FORM, rest) = bytes.split_first()? else { return None };
        let mut json = cipher.decrypt(&place(owner, path), rest.get(ID_BYTES..)?)?;
        String::from_utf8(mem::take(&mut *json)).ok().map(Zeroizing::new)
    }
}

/// The bytes that bind a secret to its place. The owner has a fixed length for each kind, and a path no NUL.
fn place(owner: &[u8], path: &str) -> Vec<u8> {
    [b"annalist secret", owner, b"\0", path.as_bytes()].join(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"$secret":{"subject":"x:1","value":"ann"}}"#;

    fn sealed(key: Uuid, cipher: &CipherKey) -> Sealed {
        Sealed::seal(key, cipher, b"event 1", "/email", JSON).unwrap()
    }

    #[test]
    fn secret_is_decrypted_with_its_key_in_its_location_alone() {
        let (id, cipher, other) =
            (Uuid::from_u128(7), CipherKey::random().unwrap(), CipherKey::random().unwrap());
        let sealed = sealed(id, &cipher);
        let unseal =
            |cipher, owner: &[u8], path| sealed.unseal(cipher, owner, path).map(|json| json.to_string());
        assert_eq!(sealed.key(), Some(id));
        assert_eq!(unseal(&cipher, b"event 1", "/email").as_deref(), Some(JSON));
        assert_eq!(unseal(&other, b"event 1", "/email"), None);
        assert_eq!(unseal(&cipher, b"event 2", "/email"), None);
        assert_eq!(unseal(&cipher, b"event 1", "/name"), None);
        assert_eq!(unseal(&cipher, b"event 1\0/em", "ail"), None);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let (id, cipher) = (Uuid::from_u128(7), CipherKey::random().unwrap());
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed(id, &cipher).0).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let sealed = Sealed(BASE64_URL_SAFE_NO_PAD.encode(changed));
            assert!(
                sealed.key() != Some(id) || sealed.unseal(&cipher, b"event 1", "/email").is_none(),
                "byte {at}"
            );
        }
        for length in 0..bytes.len() {
            let sealed = Sealed(BASE64_URL_SAFE_NO_PAD.encode(&bytes[..length]));
            assert!(sealed.unseal(&cipher, b"event 1", "/email").is_none(), "{length} bytes");
        }
        assert_eq!(Sealed("no base64!".to_owned()).key(), None);
    }

    #[test]
    fn equal_secrets_are_encrypted_differently() {
        let cipher = CipherKey::random().unwrap();
        assert_ne!(sealed(Uuid::nil(), &cipher), sealed(Uuid::nil(), &cipher));
    }

    #[test]
    fn secret_of_a_row_is_encrypted_to_the_same_text_in_its_place_alone() {
        let (cipher, other) = (CipherKey::random().unwrap(), CipherKey::random().unwrap());
        let seal = |cipher: &CipherKey, owner: &[u8], path, json| {
            Sealed::seal_again(Uuid::nil(), cipher, owner, path, json).unwrap()
        };
        let one = seal(&cipher, b"row 1", "email", JSON);
        assert_eq!(one, seal(&cipher, b"row 1", "email", JSON));
        assert_eq!(
            one.unseal(&cipher, b"row 1", "email").map(|json| json.to_string()).as_deref(),
            Some(JSON)
        );
        assert_eq!(one.unseal(&cipher, b"row 2", "email"), None);
        let others = [
            seal(&other, b"row 1", "email", JSON),
            seal(&cipher, b"row 2", "email", JSON),
            seal(&cipher, b"row 1", "name", JSON),
            seal(&cipher, b"row 1", "email", "{}"),
        ];
        let nonce = |sealed: &Sealed| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed.0).unwrap();
            bytes[1 + ID_BYTES..][..NONCE_BYTES].to_vec()
        };
        assert!(
            others.iter().all(|sealed| nonce(sealed) != nonce(&one)),
            "a nonce is never used for two texts"
        );
    }
}
