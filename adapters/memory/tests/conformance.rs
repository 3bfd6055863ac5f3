//! Runs the conformance suite on the store in memory.

use std::sync::Arc;

use annalist_conformance::{BoxError, Capability, StoreUnderTest};
use annalist_core::store::EventStore;
use annalist_memory::Memory;

struct InMemory;

#[async_trait::async_trait]
impl StoreUnderTest for InMemory {
    const NAME: &'static str = "memory";
    type Location = Memory;

    fn unsupported(&self, capability: Capability) -> Option<&'static str> {
        (capability == Capability::Durable).then_some("it lives in the memory of one process")
    }

    async fn create(&self) -> Result<Memory, BoxError> {
        Ok(Memory::new())
    }

    async fn open(&self, location: &Memory) -> Result<Arc<dyn EventStore>, BoxError> {
        Ok(Arc::new(location.clone()))
    }
}

fn main() {
    annalist_conformance::run(InMemory)
}
