//! The web inspector of an application: pages that show its events, aggregates, projections and model, and operate them.
//!
//! The crate `annalist` exports this as `annalist::inspector`.

mod access;
mod actions;
mod assets;
mod failure;
mod fragments;
mod headers;
mod health;
mod identity;
mod inspector;
mod layout;
mod links;
mod pages;
mod search;
mod site;
mod text;
mod token;
mod visit;

pub use self::{
    health::health_routes,
    identity::Identity,
    inspector::{Inspector, router},
};
