//! Making users: by themselves while registration is open, by an admin otherwise, by the command line for the first
//! admin.

use std::sync::Arc;

use super::{Authority, CallContext, Caller, Error, NewPasswords, Presented};
use crate::domain::{
    Act, Actor, Clock, Entropy, Epoch, EventId, Registration, Roles, User, UserId, UserState, Username,
};
use crate::store::Store;

/// Makes users, for whoever has been allowed to.
#[derive(Clone)]
pub struct Registrar {
    /// Where users live.
    pub store: Store,
    /// Takes their passwords.
    pub passwords: NewPasswords,
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
    /// Who makes it, where that is not left to everybody.
    pub by: Option<Actor>,
}

impl Authority {
    /// Registers a user on behalf of whoever presented `presented`, which is not looked at while registration is open.
    pub async fn register(
        &self,
        presented: &Presented,
        username: &str,
        password: &str,
        context: &CallContext,
    ) -> Result<User, Error> {
        let parts = self.parts();
        let by = match parts.policy.registration {
            Registration::Open => None,
            Registration::Closed => Some(self.authenticate_admin(presented, context).await?),
        };
        let actor = by.as_ref().map(Caller::actor);
        let new = NewUser { username, password, roles: Roles::default(), by: actor };
        parts.registrar.register(new, context).await.map_err(|error| match by {
            Some(caller) => caller.explain(error),
            None => error,
        })
    }

    async fn authenticate_admin(
        &self,
        presented: &Presented,
        context: &CallContext,
    ) -> Result<Caller, Error> {
        let caller = self.authenticate(presented, context).await?;
        if caller.has_any_role(&["admin"]) { Ok(caller) } else { Err(Error::RoleRequired) }
    }
}

impl Registrar {
    /// Makes a user. Nothing is stored unless the answer is `Ok`.
    pub async fn register(&self, new: NewUser<'_>, context: &CallContext) -> Result<User, Error> {
        let username =
            Username::parse(new.username).map_err(|rule| Error::field("username", rule.to_string()))?;
        let password = self.passwords.parse("password", new.password, username.shown())?;
        // Names are not secret while they can be tried out; asking first spares a hash. The insert still decides.
        if self.store.is_name_taken(&username, self.clock.now()).await? {
            return Err(Error::UsernameTaken);
        }
        let stored = self.passwords.hash("password", password, context.deadline).await?;
        let now = self.clock.now();
        let user = User {
            id: UserId::generate(now, &*self.entropy),
            username,
            roles: new.roles,
            state: UserState::Active,
            epoch: Epoch::FIRST,
            collapses: 0,
            created: now,
        };
        let event_id = EventId::generate(now, &*self.entropy);
        let act = Act { actor: new.by, origin: context.origin.clone(), now, event_id };
        self.store.insert_user(&user, &stored, &act).await?;
        Ok(user)
    }
}
