//! The use cases: what Countersign decides. Slow hashing happens outside any transaction, and whatever could have
//! changed meanwhile is read again in the statement that decides.

mod audience;
mod authenticate;
mod authority;
mod caller;
mod credentials;
mod error;
mod issue_token;
mod lookup_user;
mod register;
mod sign_in;
mod token_cache;

pub use audience::{Audiences, AudiencesError};
pub use authority::{Authority, AuthorityParts, Policy};
pub use caller::{Caller, Proof};
pub use credentials::Presented;
pub use error::Error;
pub use issue_token::{IssueCommand, Issued};
pub use lookup_user::UserRef;
pub use register::{NewUser, Registrar, Registration};
