//! Showing a user to itself, or to those who may see anyone; and who is meant, whatever is to be done.

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
        let id = caller.may_act_on(user, &SEES_ANYONE)?;
        self.parts().store.lookup_user(id).await?.ok_or(Error::UserNotFound)
    }
}

impl Caller {
    /// The user that is meant, if it is the caller itself or the caller has one of `roles`. Who has none learns nothing
    /// about which users exist.
    pub(super) fn may_act_on(&self, user: UserRef, roles: &[&str]) -> Result<UserId, Error> {
        let id = match user {
            UserRef::Me => self.user_id(),
            UserRef::Id(id) => id,
        };
        if id == self.user_id() || self.has_any_role(roles) { Ok(id) } else { Err(Error::RoleRequired) }
    }
}
