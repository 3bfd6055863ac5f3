//! Calls the function of a decision with the states of its command. There is one trait for each number of states, so that the
//! error for a function with other arguments shows the signature that it needs.

use std::{
    future::{Pending, pending},
    sync::Arc,
};

use crate::context::Context;

/// Marks a decision that does not take the [`Context`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct WithoutContext;

/// Marks a decision that takes the [`Context`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct WithContext;

/// The states that a decision gets for one `#[id]` field, or for one aggregate without id.
#[doc(hidden)]
pub trait LoadedState {
    /// The type to which the decision gets a reference.
    type State: ?Sized;

    /// The state.
    fn state(&self) -> &Self::State;
}

impl<A> LoadedState for Arc<A> {
    type State = A;

    fn state(&self) -> &A {
        self
    }
}

impl<A> LoadedState for Option<A> {
    type State = Self;

    fn state(&self) -> &Self {
        self
    }
}

impl<A> LoadedState for Vec<A> {
    type State = [A];

    fn state(&self) -> &[A] {
        self
    }
}

/// The implementation that calls a function.
#[doc(hidden)]
#[derive(Debug)]
pub enum Called {}

/// The implementation of an `async` function. It returns a future, which is the error of [`decision`](super::decision). Since
/// there are two kinds of implementations, the compiler reports for every other function that the trait is not implemented,
/// with its message, instead of a difference between two signatures.
#[doc(hidden)]
#[derive(Debug)]
pub enum Awaited {}

/// Defines the trait of one number of states, and the function that generated code calls. The function gets the decision last,
/// when the compiler knows the types of the states.
macro_rules! decision {
    ($name:ident, $function:ident, [$($state:ident $loaded:ident),*], [$($argument:ty)?], [$loaded_states:ty],
     [$($value:tt)*], $line:literal) => {
        /// A function that decides a command on this number of states. `X` says whether it takes the [`Context`].
        #[doc(hidden)]
        #[diagnostic::on_unimplemented(
            message = "the decision of `{C}` takes other arguments than its states and the command",
            label = "takes other arguments",
            note = $line,
            note = "the states are those of the `#[id]` fields, in their order, and then those of `state(…)`; with `context` in `#[command(…)]`, and only then, `context: &Context` is the last argument"
        )]
        pub trait $name<$($state: ?Sized,)* C, X, R, Way> {
            /// Calls the function.
            fn call<'a>(self, $(states: $argument,)? command: &'a C, context: &'a Context<'a>) -> R;
        }

        #[diagnostic::do_not_recommend]
        impl<F, R, $($state: ?Sized,)* C> $name<$($state,)* C, WithoutContext, R, Called> for F
        where
            F: for<'a> FnOnce($($argument,)? &'a C) -> R,
        {
            fn call<'a>(self, $(states: $argument,)? command: &'a C, _: &'a Context<'a>) -> R {
                self($(decision!(@pass $argument, states),)? command)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<F, R, $($state: ?Sized,)* C> $name<$($state,)* C, WithContext, R, Called> for F
        where
            F: for<'a> FnOnce($($argument,)? &'a C, &'a Context<'a>) -> R,
        {
            fn call<'a>(self, $(states: $argument,)? command: &'a C, context: &'a Context<'a>) -> R {
                self($(decision!(@pass $argument, states),)? command, context)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<F, R, $($state: ?Sized,)* C> $name<$($state,)* C, WithoutContext, Pending<R>, Awaited> for F
        where
            F: for<'a> AsyncFnOnce($($argument,)? &'a C) -> R,
        {
            fn call<'a>(self, $(_: $argument,)? _: &'a C, _: &'a Context<'a>) -> Pending<R> {
                pending()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<F, R, $($state: ?Sized,)* C> $name<$($state,)* C, WithContext, Pending<R>, Awaited> for F
        where
            F: for<'a> AsyncFnOnce($($argument,)? &'a C, &'a Context<'a>) -> R,
        {
            fn call<'a>(self, $(_: $argument,)? _: &'a C, _: &'a Context<'a>) -> Pending<R> {
                pending()
            }
        }

        /// Decides a command on its loaded states.
        #[doc(hidden)]
        pub fn $function<$($loaded: LoadedState,)* C, X, R, F, Way>(
            states: &$loaded_states,
            command: &C,
            context: &Context<'_>,
            _: X,
            decide: F,
        ) -> R
        where
            F: $name<$($loaded::State,)* C, X, R, Way>,
        {
            decision!(@call decide states command context [$($value)*])
        }
    };
    (@pass $argument:ty, $states:ident) => {
        $states
    };
    (@call $decide:ident $states:ident $command:ident $context:ident []) => {{
        let () = $states;
        $decide.call($command, $context)
    }};
    (@call $decide:ident $states:ident $command:ident $context:ident [one]) => {
        $decide.call($states.state(), $command, $context)
    };
    (@call $decide:ident $states:ident $command:ident $context:ident [$($number:tt)+]) => {
        $decide.call(($($states.$number.state(),)+), $command, $context)
    };
}

decision! {
    Decide0, decide_0, [], [], [()], [],
    "write `fn decide(command: &{C}) -> Result<…, …>`; if it needs a state, write `#[id(SomeAggregate)]` on the field with the id, or `state(SomeAggregate)`"
}

decision! {
    Decide1, decide_1, [A LA], [&'a A], [LA], [one],
    "write `fn decide(state: &{A}, command: &{C}) -> Result<…, …>`"
}

decision! {
    Decide2, decide_2, [A LA, B LB], [(&'a A, &'a B)], [(LA, LB)], [0 1],
    "write `fn decide((a, b): (&{A}, &{B}), command: &{C}) -> Result<…, …>`"
}

decision! {
    Decide3, decide_3, [A LA, B LB, D LD], [(&'a A, &'a B, &'a D)], [(LA, LB, LD)], [0 1 2],
    "write `fn decide((a, b, c): (&{A}, &{B}, &{D}), command: &{C}) -> Result<…, …>`"
}

decision! {
    Decide4, decide_4, [A LA, B LB, D LD, E LE], [(&'a A, &'a B, &'a D, &'a E)], [(LA, LB, LD, LE)], [0 1 2 3],
    "write `fn decide((a, b, c, d): (&{A}, &{B}, &{D}, &{E}), command: &{C}) -> Result<…, …>`"
}

decision! {
    Decide5, decide_5, [A LA, B LB, D LD, E LE, G LG], [(&'a A, &'a B, &'a D, &'a E, &'a G)], [(LA, LB, LD, LE, LG)], [0 1 2 3 4],
    "write `fn decide((a, b, c, d, e): (&{A}, &{B}, &{D}, &{E}, &{G}), command: &{C}) -> Result<…, …>`"
}

decision! {
    Decide6, decide_6, [A LA, B LB, D LD, E LE, G LG, H LH], [(&'a A, &'a B, &'a D, &'a E, &'a G, &'a H)], [(LA, LB, LD, LE, LG, LH)], [0 1 2 3 4 5],
    "write `fn decide((a, b, c, d, e, f): (&{A}, &{B}, &{D}, &{E}, &{G}, &{H}), command: &{C}) -> Result<…, …>`"
}

decision! {
    Decide7, decide_7, [A LA, B LB, D LD, E LE, G LG, H LH, I LI], [(&'a A, &'a B, &'a D, &'a E, &'a G, &'a H, &'a I)], [(LA, LB, LD, LE, LG, LH, LI)], [0 1 2 3 4 5 6],
    "write `fn decide((a, b, c, d, e, f, g): (&{A}, &{B}, &{D}, &{E}, &{G}, &{H}, &{I}), command: &{C}) -> Result<…, …>`"
}

decision! {
    Decide8, decide_8, [A LA, B LB, D LD, E LE, G LG, H LH, I LI, J LJ], [(&'a A, &'a B, &'a D, &'a E, &'a G, &'a H, &'a I, &'a J)], [(LA, LB, LD, LE, LG, LH, LI, LJ)], [0 1 2 3 4 5 6 7],
    "write `fn decide((a, b, c, d, e, f, g, h): (&{A}, &{B}, &{D}, &{E}, &{G}, &{H}, &{I}, &{J}), command: &{C}) -> Result<…, …>`"
}
