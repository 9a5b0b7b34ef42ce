//! For services and programs that call others with Countersign's tokens.
//!
//! - `source` owns what callers hold, `builder` its settings, `interceptor` the token of the moment in generated clients.
//! - `token` owns an access token, `saved_session` what a session is carried on with.
//! - `store` owns the trait of places where sessions outlive the process, `session_file` the one that is a file,
//!   `private_file` what is asked of a file with a secret.
//! - `worker` owns the background task, `keeper` the session and the order in which it is saved and spent.
//! - `auth_server` owns the calls to the server, `failure` what their failures mean.
//! - `standing` owns what callers are answered, `progress` when the next attempt is due, `schedule` how long waits are.
//! - `clock` owns time and randomness, `error` why there is no token.

mod auth_server;
mod builder;
mod clock;
mod error;
mod failure;
mod interceptor;
mod keeper;
mod private_file;
mod progress;
mod saved_session;
mod schedule;
mod session_file;
mod source;
mod standing;
mod store;
mod token;
mod worker;

pub use builder::TokenSourceBuilder;
pub use error::{StartError, TokenError};
pub use interceptor::TokenInterceptor;
pub use saved_session::SavedSession;
pub use session_file::SessionFile;
pub use source::TokenSource;
pub use store::SessionStore;
pub use token::Token;
