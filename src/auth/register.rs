//! Making users: by themselves while registration is open, by an admin otherwise, by the command line for the first
//! admin.

use std::sync::Arc;
use std::time::Instant;

use super::{Authority, Caller, Error, Presented};
use crate::crypto::{NewPasswordError, PasswordHasher};
use crate::domain::{
    Clock, Entropy, Epoch, PasswordPolicy, PasswordRule, PlainPassword, Roles, User, UserAt, UserId,
    UserState, Username,
};
use crate::store::{InsertUserError, Store};

/// Who may register users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Callers with the role `admin`.
    Closed,
}

/// Makes users, for whoever has been allowed to.
#[derive(Clone)]
pub struct Registrar {
    /// Where users live.
    pub store: Store,
    /// Hashes their passwords.
    pub hasher: PasswordHasher,
    /// What is asked of a new password.
    pub passwords: PasswordPolicy,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub entropy: Arc<dyn Entropy>,
}

/// A user to be made.
pub struct NewUser<'a> {
    /// The name, as typed.
    pub username: &'a str,
    /// The password, as typed.
    pub password: &'a str,
    /// The roles.
    pub roles: Roles,
    /// The user who makes it, where that is not left to everybody.
    pub by: Option<UserAt>,
}

impl Authority {
    /// Registers a user on behalf of whoever presented `presented`, which is not looked at while registration is open.
    pub async fn register(
        &self,
        presented: &Presented,
        username: &str,
        password: &str,
        deadline: Option<Instant>,
    ) -> Result<User, Error> {
        let parts = self.parts();
        let by = match parts.policy.registration {
            Registration::Open => None,
            Registration::Closed => Some(self.authenticate_admin(presented, deadline).await?.user_at()),
        };
        let new = NewUser { username, password, roles: Roles::default(), by };
        parts.registrar.register(new, deadline).await
    }

    async fn authenticate_admin(
        &self,
        presented: &Presented,
        deadline: Option<Instant>,
    ) -> Result<Caller, Error> {
        let caller = self.authenticate(presented, deadline).await?;
        if caller.has_any_role(&["admin"]) { Ok(caller) } else { Err(Error::RoleRequired) }
    }
}

impl Registrar {
    /// Makes a user. Nothing is stored unless the answer is `Ok`.
    pub async fn register(&self, new: NewUser<'_>, deadline: Option<Instant>) -> Result<User, Error> {
        let username =
            Username::parse(new.username).map_err(|rule| Error::field("username", rule.to_string()))?;
        let password =
            PlainPassword::parse_new(new.password, username.shown(), &self.passwords).map_err(broken_rule)?;
        // Names are not secret while they can be tried out; asking first spares a hash. The insert still decides.
        if self.store.find_user_by_name(&username).await?.is_some() {
            return Err(Error::UsernameTaken);
        }
        let stored = self.hasher.hash_new(password, deadline).await?;
        let now = self.clock.now();
        let user = User {
            id: UserId::generate(now, &*self.entropy),
            username,
            roles: new.roles,
            state: UserState::Active,
            epoch: Epoch::FIRST,
            created: now,
        };
        self.store.insert_user(&user, &stored, new.by).await?;
        Ok(user)
    }
}

fn broken_rule(rule: PasswordRule) -> Error {
    Error::field("password", rule.to_string())
}

impl From<NewPasswordError> for Error {
    fn from(error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Common => broken_rule(PasswordRule::Common),
            NewPasswordError::Hash(error) => error.into(),
        }
    }
}

impl From<InsertUserError> for Error {
    fn from(error: InsertUserError) -> Self {
        match error {
            InsertUserError::NameTaken => Self::UsernameTaken,
            InsertUserError::NotAllowedAnyMore => Self::CredentialsInvalid,
            InsertUserError::Store(error) => error.into(),
        }
    }
}
