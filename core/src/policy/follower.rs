//! A policy as a follower of the log.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{OnError, OnReject, Policy, Start, handler::PolicyHandler};
use crate::{
    app::AppSlot,
    codec::Codec,
    daemon::{BatchHandler, ErrorPolicy, Follower},
    rows::{SharedRows, Table},
};

/// A policy that sends its commands through the app in the slot.
pub(crate) struct PolicyFollower<P> {
    policy: Arc<P>,
    app: AppSlot,
    codec: Codec,
}

impl<P: Policy> PolicyFollower<P> {
    pub(crate) fn new(policy: P, app: AppSlot, codec: Codec) -> Self {
        Self { policy: Arc::new(policy), app, codec }
    }
}

impl<P: Policy> Follower for PolicyFollower<P> {
    /// A checkpoint only, without rows.
    fn table(&self) -> Table {
        Table { projection: P::NAME, version: 1, build: 0, columns: &[] }
    }

    fn batch_handler(&self, table: Table, _: SharedRows) -> Box<dyn BatchHandler> {
        let Self { policy, app, codec } = self;
        let (policy, app, codec) = (Arc::clone(policy), app.clone(), codec.clone());
        Box::new(PolicyHandler { policy, app, codec, table, pending: Mutex::default(), failures: None })
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
}
