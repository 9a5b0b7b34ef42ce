//! Pure rules on values and `now`: no async, no I/O, no database, no wire types.

mod act;
mod event;
mod id;
mod key_state;
mod lifetime;
mod network;
mod origin;
mod password;
mod randomness;
mod refresh_chain;
mod registration;
mod retry_key;
mod role;
mod session;
mod time;
mod trust_position;
mod user;
mod username;

pub use act::{Act, Actor};
pub use event::{EventKind, SecurityEvent};
pub use id::{EventId, IdError, SessionId, TokenId, UserId};
pub use key_state::KeyState;
pub use lifetime::{LifetimeError, Lifetimes};
pub use network::Network;
pub use origin::{Origin, UserAgent};
pub use password::{PasswordPolicy, PasswordRule, PlainPassword, StoredPassword};
pub use randomness::Entropy;
pub use refresh_chain::{
    Generation, Presentation, PresentedRefresh, RefreshChain, RetryHash, Salt, Spent, TokenHash,
};
pub use registration::Registration;
pub use retry_key::{RetryKey, RetryKeyError};
pub use role::{Role, RoleError, Roles};
pub use session::{AuthMethods, Session, SessionLimits, Standing};
pub use time::{Clock, SteadyTime, Timestamp};
pub use trust_position::TrustPosition;
pub use user::{Epoch, ProofEpoch, ProvenAt, Unchanged, User, UserAt, UserState};
pub use username::{Username, UsernameRule};
