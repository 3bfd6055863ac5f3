//! What the `Serialize` of a secret knows of the value around it.

use std::cell::{Cell, RefCell};

use crate::tag::Tag;

thread_local! {
    static SCOPE: RefCell<Scope> = const { RefCell::new(Scope {
        depth: 0,
        written: Written::Nothing,
        subjects: Vec::new(),
        secrets: 0,
        id: None,
    }) };
}

thread_local! {
    /// How many secrets were read in this thread.
    static OPENED: Cell<u64> = const { Cell::new(0) };
}

struct Scope {
    /// How many calls of [`encoding`] are at work.
    depth: usize,
    written: Written,
    /// The address of each secret with a declared subject.
    subjects: Vec<(usize, Tag)>,
    /// How many secrets around the value are being written.
    secrets: usize,
    /// The last id inside of a secret, with the name of its Rust type.
    id: Option<(&'static str, Tag)>,
}

/// The secrets that were written in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Written {
    /// No known secret.
    Nothing,
    /// Known secrets, each with a subject.
    WithSubject,
    /// As [`WithSubject`](Written::WithSubject), and an id that is personal and not in a secret, which cannot be read once it is forgotten.
    IdOutsideOfSecret,
    /// A known secret without a subject.
    WithoutSubject,
}

/// Takes note that the value of a secret is read by code of the application.
pub(super) fn opened() {
    OPENED.set(OPENED.get().wrapping_add(1));
}

/// How many times the value of a secret was read in this thread.
pub(crate) fn opened_count() -> u64 {
    OPENED.get()
}

/// Calls a function that writes a value for Annalist. Returns its result, and which secrets it has written.
pub(crate) fn encoding<R>(write: impl FnOnce() -> R) -> (R, Written) {
    let _end = Encoding::begin();
    let before = SCOPE.with_borrow_mut(|scope| std::mem::replace(&mut scope.written, Written::Nothing));
    let result = write();
    let written = SCOPE.with_borrow_mut(|scope| {
        let written = scope.written;
        scope.written = before.max(written);
        written
    });
    (result, written)
}

/// Calls a function while the secrets at these addresses have these subjects.
pub(super) fn with_subjects<R>(subjects: Vec<(usize, Tag)>, write: impl FnOnce() -> R) -> R {
    let _end = Subjects::begin(subjects);
    write()
}

/// Whether a value is written for Annalist.
pub(super) fn is_encoding() -> bool {
    SCOPE.with_borrow(|scope| scope.depth > 0)
}

/// The declared subject of the secret at an address.
pub(super) fn subject_at(address: usize) -> Option<Tag> {
    SCOPE.with_borrow(|scope| {
        let found = scope.subjects.iter().rev().find(|(at, _)| *at == address);
        found.map(|(_, subject)| subject.clone())
    })
}

/// Takes note of what is written.
pub(super) fn wrote(written: Written) {
    SCOPE.with_borrow_mut(|scope| scope.written = scope.written.max(written));
}

/// Whether the value of a secret is written.
pub(super) fn is_in_secret() -> bool {
    SCOPE.with_borrow(|scope| scope.secrets > 0)
}

/// Calls a function that writes the value of a secret. Returns its result, and the tag of the value if it is an id of this Rust type that is
/// personal.
pub(super) fn in_secret<R>(rust: &str, write: impl FnOnce() -> R) -> (R, Option<Tag>) {
    let _end = InSecret::begin();
    let result = write();
    let id = SCOPE.with_borrow_mut(|scope| scope.id.take());
    (result, id.filter(|(of, _)| *of == rust).map(|(_, tag)| tag))
}

/// Takes note of an id of this Rust type that is written inside of a secret.
pub(super) fn wrote_id(rust: &'static str, tag: Tag) {
    SCOPE.with_borrow_mut(|scope| scope.id = Some((rust, tag)));
}

/// Ends the value of a secret when it is dropped, also by a panic.
struct InSecret;

impl InSecret {
    fn begin() -> Self {
        SCOPE.with_borrow_mut(|scope| {
            scope.secrets += 1;
            scope.id = None;
        });
        Self
    }
}

impl Drop for InSecret {
    fn drop(&mut self) {
        SCOPE.with_borrow_mut(|scope| scope.secrets -= 1);
    }
}

/// Ends the encoding when it is dropped, also by a panic.
struct Encoding;

impl Encoding {
    fn begin() -> Self {
        SCOPE.with_borrow_mut(|scope| scope.depth += 1);
        Self
    }
}

impl Drop for Encoding {
    fn drop(&mut self) {
        SCOPE.with_borrow_mut(|scope| scope.depth -= 1);
    }
}

/// Removes the subjects when it is dropped, also by a panic.
struct Subjects(usize);

impl Subjects {
    fn begin(subjects: Vec<(usize, Tag)>) -> Self {
        SCOPE.with_borrow_mut(|scope| {
            let before = scope.subjects.len();
            scope.subjects.extend(subjects);
            Self(before)
        })
    }
}

impl Drop for Subjects {
    fn drop(&mut self) {
        SCOPE.with_borrow_mut(|scope| scope.subjects.truncate(self.0));
    }
}
