//! Settings: their names, where their values come from, and what they become. Every part declares its own configuration;
//! this floor only fills it in.

mod database;
mod problems;
mod service;
mod settings;
mod sources;
mod tls;
mod values;
mod web;

pub use problems::Problems;
pub use service::{
    CheckConfig, DatabaseCommandConfig, FenceConfig, KeyCommandConfig, ServiceConfig, UserCommandConfig,
};
pub use settings::{
    CA_FILE_VARIABLE, CLIENT_CERT_VARIABLES, SERVER_NAME_VARIABLE, SERVER_VARIABLE, SETTINGS, Scope, Setting,
    Shape, TOKEN_VARIABLE,
};
pub use sources::{Sources, Values};
pub use values::span;
