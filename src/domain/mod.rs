//! Pure rules on values and `now`: no async, no I/O, no database, no wire types.

mod id;
mod lifetime;
mod password;
mod randomness;
mod role;
mod session;
mod time;
mod user;
mod username;

pub use id::{IdError, SessionId, TokenId, UserId};
pub use lifetime::{LifetimeError, Lifetimes};
pub use password::{PasswordPolicy, PasswordRule, PlainPassword, StoredPassword};
pub use randomness::Entropy;
pub use role::{Role, RoleError, Roles};
pub use session::{AuthMethods, Session, Standing};
pub use time::{Clock, Timestamp};
pub use user::{Epoch, User, UserAt, UserState};
pub use username::{Username, UsernameRule};
