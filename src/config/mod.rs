//! Settings: their names, where their values come from, and what they become. Every part declares its own configuration;
//! this floor only fills it in.

mod problems;
mod service;
mod settings;
mod sources;
mod values;
mod web;

pub use problems::Problems;
pub use service::{DatabaseCommandConfig, KeyCommandConfig, ServiceConfig, UserCommandConfig};
pub use settings::{SERVER_VARIABLE, SETTINGS, Scope, Setting, Shape, TOKEN_VARIABLE};
pub use sources::{Sources, Values};
pub use values::span;
