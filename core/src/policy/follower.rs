//! A policy as a follower of the log.

use std::{any::type_name, sync::Arc};

use tokio::sync::Mutex;

use super::{OnError, OnReject, Policy, ReactionTypes, Start, handler::PolicyHandler};
use crate::{
    app::Builder,
    codec::Codec,
    daemon::{BatchHandler, ErrorPolicy, Follower, FollowerSpec, check_order},
    error::Error,
    execute::Executor,
    model::DeclaredPolicy,
    rows::{SharedRows, Table},
};

/// A policy that sends its commands through the executor.
struct PolicyFollower<P> {
    policy: Arc<P>,
    executor: Arc<Executor>,
    codec: Codec,
}

impl Builder {
    /// Registers a policy, which reacts to events with commands. Its checkpoint is in the app's row store: see
    /// [`Builder::rows`].
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let app = App::builder(Memory::new()).policy(WelcomeBonus).start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// app.wait_until_caught_up().await?;
    /// assert_eq!(app.load::<Account>(&id("ann")).await?.cents, 100);
    /// # Ok(())
    /// # });
    /// ```
    pub fn policy<P: Policy>(self, policy: P) -> Self {
        let policy = Arc::new(policy);
        self.policy_spec(declared::<P>(), |executor| {
            let executor = Arc::clone(executor);
            FollowerSpec::new::<P>(|codec| {
                Arc::new(PolicyFollower { policy, executor, codec: codec.clone() })
            })
            .without_rows(P::EVENTS)
        })
    }
}

/// The properties of a policy type.
fn declared<P: Policy>() -> DeclaredPolicy {
    let mut reactions = ReactionTypes::default();
    P::declare(&mut reactions);
    DeclaredPolicy {
        name: P::NAME,
        rust: type_name::<P>(),
        events: P::EVENTS,
        start: match P::START {
            Start::Beginning => "beginning",
            Start::Now => "now",
        },
        on_reject: match P::ON_REJECT {
            OnReject::Stop => "stop",
            OnReject::Park => "park",
            OnReject::Ignore => "ignore",
        },
        on_error: match P::ON_ERROR {
            OnError::Stop => "stop",
            OnError::Park => "park",
        },
        tries: P::TRIES,
        order_by: P::ORDER_BY,
        everywhere: P::EVERYWHERE,
        commands: reactions.commands,
        has_unknown_commands: reactions.has_unknown,
    }
}

impl<P: Policy> Follower for PolicyFollower<P> {
    /// A checkpoint only, without rows.
    fn table(&self) -> Table {
        Table { projection: P::NAME, version: 1, build: 0, columns: &[] }
    }

    fn batch_handler(&self, table: Table, _: SharedRows) -> Box<dyn BatchHandler> {
        let Self { policy, executor, codec } = self;
        let (policy, executor, codec) = (Arc::clone(policy), Arc::clone(executor), codec.clone());
        Box::new(PolicyHandler { policy, executor, codec, table, pending: Mutex::default(), failures: None })
    }

    fn error_policy(&self) -> ErrorPolicy {
        match (P::ON_REJECT, P::ON_ERROR) {
            (OnReject::Park, _) | (_, OnError::Park) => ErrorPolicy::Park,
            _ => ErrorPolicy::Stop,
        }
    }

    fn starts_at_end(&self) -> bool {
        P::START == Start::Now
    }

    fn is_exclusive(&self) -> bool {
        !P::EVERYWHERE
    }

    fn check(&self) -> Result<(), Error> {
        check_order("policy", P::NAME, P::ORDER_BY, P::EVENTS)?;
        Ok(self.table().check()?)
    }
}
