//! The value of a field of an aggregate or a row before its first event.

/// The value of a field before the first event: its `Default`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` has no initial value, because `{Self}` does not implement `Default`",
    label = "has no `Default`",
    note = "write `#[derive(Default)]` above `{Self}`, with `#[default]` on a variant of an enum, or use `Option<{Self}>`, which starts as `None`"
)]
pub trait InitialValue: Sized {
    /// The value.
    fn initial_value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> InitialValue for T {
    fn initial_value() -> T {
        T::default()
    }
}
