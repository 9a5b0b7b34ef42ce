//! Settings: their names, where their values come from, and what they become. Every part declares its own configuration;
//! this floor only fills it in.

mod problems;
mod service;
mod settings;
mod sources;
mod values;

pub use problems::Problems;
pub use service::{ServiceConfig, UserCommandConfig};
pub use settings::{SETTINGS, Setting, Shape};
pub use sources::{Sources, Values};
