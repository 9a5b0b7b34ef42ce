//! What calls do with users, their passwords and their reset codes, by the contract.

use countersign::pb::auth::v1::SecurityEventKind as Kind;
use tonic::Code;

use super::session_rules::{Minted, may_act_on};
use super::world::{HOUR, Id, NAME_REST, OWN, Proof, ResetCode, State, User, World, invalid, role_required};
use crate::harness::Refused;

/// A password that is refused, whoever's it would be.
pub const SHORT: &str = "short";
const DEFAULT_LIFETIME: i64 = 600;

fn check_new(field: &str, password: &str) -> Result<(), Refused> {
    if password == SHORT { Err(Refused::field(field)) } else { Ok(()) }
}

impl World {
    /// CreateUser, while registration is open. The server names the user then.
    pub fn create_user(&mut self, name: &str, password: &str) -> Result<Id, Refused> {
        check_new("password", password)?;
        let rests = |user: &User| match user.state {
            State::Deleted(since) => self.now < since + NAME_REST,
            State::Active | State::Disabled => true,
        };
        if self.users.iter().any(|user| user.name.eq_ignore_ascii_case(name) && rests(user)) {
            return Err(Refused::new(Code::AlreadyExists, "USERNAME_TAKEN"));
        }
        self.users.push(User {
            id: String::new(),
            name: name.to_owned(),
            password: password.to_owned(),
            roles: Vec::new(),
            state: State::Active,
            epoch: 0,
            created: self.now,
            code: None,
        });
        Ok(self.users.len() - 1)
    }

    /// When names may be taken again.
    pub fn ends_of_rest(&self) -> Vec<(i64, &str)> {
        let end = |user: &User| match user.state {
            State::Deleted(since) => Some(since + NAME_REST),
            State::Active | State::Disabled => None,
        };
        self.users.iter().filter_map(|user| Some((end(user)?, user.name.as_str()))).collect()
    }

    /// A name that may be taken from this very moment on, or could not be a moment ago.
    pub fn name_at_the_end_of_its_rest(&self) -> Option<String> {
        let ends = self.ends_of_rest();
        ends.iter().find(|(end, _)| (self.now - end).abs() <= 1).map(|(_, name)| (*name).to_owned())
    }

    pub fn show_user(&self, proof: &Proof, target: Option<Id>) -> Result<Id, Refused> {
        let caller = self.caller(proof)?;
        may_act_on(&caller, target, &["admin", "service"])?;
        self.existing(target)
    }

    pub fn change_password(&mut self, proof: &Proof, current: &str, new: &str) -> Result<Minted, Refused> {
        let caller = self.caller(proof)?;
        if current.is_empty() {
            return Err(Refused::field("current_password"));
        }
        check_new("new_password", new)?;
        let user = self.prove(Some(caller.user), current)?;
        self.set_password(user, new);
        self.happened(Kind::PasswordChanged, user, None);
        Ok(self.open(user, DEFAULT_LIFETIME, OWN))
    }

    /// ResetPassword; `None` is a code that was never made.
    pub fn reset_password(&mut self, code: Option<Id>, new: &str) -> Result<(), Refused> {
        let user = self.check_code(code.ok_or_else(invalid)?)?;
        check_new("new_password", new)?;
        self.set_password(user, new);
        self.happened(Kind::PasswordReset, user, None);
        Ok(())
    }

    fn set_password(&mut self, user: Id, new: &str) {
        new.clone_into(&mut self.users[user].password);
        self.users[user].code = None;
        self.end_all(user);
    }

    pub fn delete_user(&mut self, proof: &Proof, target: Option<Id>, current: &str) -> Result<(), Refused> {
        let caller = self.caller(proof)?;
        may_act_on(&caller, target, &["admin"])?;
        if target == Some(caller.user) {
            if current.is_empty() {
                return Err(Refused::field("current_password"));
            }
            self.prove(target, current)?;
        }
        let user = self.existing(target)?;
        self.keep_an_admin(user)?;
        self.end_all(user);
        self.users[user].state = State::Deleted(self.now);
        self.users[user].roles.clear();
        self.users[user].code = None;
        self.happened(Kind::UserDeleted, user, Some(caller.user));
        Ok(())
    }

    pub fn disable_user(&mut self, token: Id, target: Option<Id>) -> Result<Id, Refused> {
        let (admin, user) = self.admin_and(token, target)?;
        if self.users[user].state == State::Active {
            self.keep_an_admin(user)?;
            self.users[user].state = State::Disabled;
            self.users[user].code = None;
            self.end_all(user);
            self.happened(Kind::UserDisabled, user, Some(admin));
        }
        Ok(user)
    }

    pub fn enable_user(&mut self, token: Id, target: Option<Id>) -> Result<Id, Refused> {
        let (admin, user) = self.admin_and(token, target)?;
        if self.users[user].state == State::Disabled {
            self.users[user].state = State::Active;
            self.happened(Kind::UserEnabled, user, Some(admin));
        }
        Ok(user)
    }

    /// `roles` are sorted, each once.
    pub fn set_roles(&mut self, token: Id, target: Option<Id>, roles: &[&str]) -> Result<Id, Refused> {
        let admin = self.admin(token)?;
        if roles.iter().any(|role| role.contains(' ')) {
            return Err(Refused::field("roles"));
        }
        let user = self.existing(target)?;
        if self.users[user].roles != roles {
            if !roles.contains(&"admin") {
                self.keep_an_admin(user)?;
            }
            self.users[user].roles = roles.iter().map(|&role| role.to_owned()).collect();
            self.users[user].epoch += 1;
            self.happened(Kind::RolesChanged, user, Some(admin));
        }
        Ok(user)
    }

    /// CreateResetCode. The server makes its text.
    pub fn create_code(&mut self, token: Id, target: Option<Id>) -> Result<Id, Refused> {
        let (admin, user) = self.admin_and(token, target)?;
        let id = self.number();
        self.codes.insert(id, ResetCode { text: String::new(), user, expires: self.now + HOUR });
        self.users[user].code = Some(id);
        self.happened(Kind::ResetCodeCreated, user, Some(admin));
        Ok(id)
    }

    pub fn admin(&self, token: Id) -> Result<Id, Refused> {
        let caller = self.caller(&Proof::Bearer(token))?;
        if caller.has_any(&["admin"]) { Ok(caller.user) } else { Err(role_required()) }
    }

    fn admin_and(&self, token: Id, target: Option<Id>) -> Result<(Id, Id), Refused> {
        Ok((self.admin(token)?, self.existing(target)?))
    }

    /// Whether a user can do what admins do.
    pub fn is_admin(&self, user: Id) -> bool {
        self.users[user].state == State::Active && self.users[user].has("admin")
    }

    fn keep_an_admin(&self, but: Id) -> Result<(), Refused> {
        let others = (0..self.users.len()).filter(|id| *id != but && self.is_admin(*id)).count();
        if self.is_admin(but) && others == 0 {
            return Err(Refused::new(Code::FailedPrecondition, "LAST_ADMIN"));
        }
        Ok(())
    }
}
