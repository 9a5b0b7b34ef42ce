//! Showing a user to itself, or to those who may see anyone.

use super::{Authority, Caller, Error};
use crate::domain::{User, UserId};

/// The roles that may see any user.
const SEES_ANYONE: [&str; 2] = ["admin", "service"];

/// Which user is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// The caller itself.
    Me,
    /// The user of this id.
    Id(UserId),
}

impl Authority {
    /// The user that is meant. A caller who may not see others learns nothing about which of them exist.
    pub async fn lookup_user(&self, caller: &Caller, user: UserRef) -> Result<User, Error> {
        let id = match user {
            UserRef::Me => caller.user_id(),
            UserRef::Id(id) => id,
        };
        if id != caller.user_id() && !caller.has_any_role(&SEES_ANYONE) {
            return Err(Error::RoleRequired);
        }
        self.parts().store.lookup_user(id).await?.ok_or(Error::UserNotFound)
    }
}
