//! The use cases: what Countersign decides. Slow hashing happens outside any transaction, and whatever could have
//! changed meanwhile is read again in the statement that decides.

mod administer;
mod audience;
mod authenticate;
mod authority;
mod call_context;
mod caller;
mod change_password;
mod credentials;
mod delete_user;
mod error;
mod issue_token;
mod janitor;
mod key_set;
mod keys;
mod listing;
mod lookup_user;
mod mint;
mod new_password;
mod open_session;
mod refresh;
mod register;
mod rewrap_keys;
mod rotate_keys;
mod sessions;
mod sign_in;
mod sign_in_failures;
mod sign_out;
mod token_cache;
mod told_trust;
mod verifier_lease;
mod verifier_reports;
mod verifier_waits;
mod verifiers;
mod verify_token;
mod wait_for_verifiers;
mod watch_trust;

#[cfg(test)]
mod interruptions;

pub use administer::IssuedResetCode;
pub use audience::{Audiences, AudiencesError};
pub use authority::{Authority, AuthorityParts, Policy};
pub use call_context::CallContext;
pub use caller::{Caller, Proof};
pub use credentials::Presented;
pub use error::Error;
pub use issue_token::IssueCommand;
pub use janitor::Janitor;
pub use key_set::PublishedKey;
pub use keys::{CurrentKeys, Keys, KeysError, KeysParts};
pub use listing::{Page, PageRequest};
pub use lookup_user::UserRef;
pub use mint::Issued;
pub use new_password::NewPasswords;
pub use open_session::Opens;
pub use refresh::RefreshCommand;
pub use register::{NewUser, Registrar, Registration};
pub use rewrap_keys::rewrap_keys;
pub use rotate_keys::WhichKeys;
pub use sessions::ShownSession;
pub use verifier_lease::{ShownVerifier, VerifierHello, VerifierReport};
pub use verifier_reports::VerifierReports;
pub use verifier_waits::Holder;
pub use wait_for_verifiers::{PendingVerifiers, ShownVerifiers, VerifierWait};
pub use watch_trust::{TrustFrame, TrustWatch};
