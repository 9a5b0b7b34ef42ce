//! The calls about users, made to both.

use countersign::pb::auth::v1 as pb;

use super::walk::{Walk, millis};
use super::world::{Id, OWN, Proof, SECOND, State};
use crate::harness::Tokens;

impl Walk {
    pub async fn create_user(&mut self, name: &str, password: &str) {
        self.history.note(self.world.now, format!("CreateUser {name} {password:?}"));
        let said = self.client.create_user(name, password).await;
        let predicted = self.world.create_user(name, password);
        if let Some((id, answer)) = self.agree(predicted, said) {
            self.world.users[id].id.clone_from(&answer.user_id);
            self.history.add(format!("u{id}"));
            self.check_user(id, &answer);
        }
    }

    pub async fn show_user(&mut self, proof: &Proof, target: Option<Id>) {
        self.history.note(self.world.now, format!("GetUser {target:?} by {proof:?}"));
        let id = self.text_of(target);
        let said = self.client.get_user(self.world.credentials(proof), &id).await;
        let predicted = self.world.show_user(proof, target);
        if let Some((id, answer)) = self.agree(predicted, said) {
            self.check_user(id, &answer);
        }
    }

    pub async fn greet(&mut self, proof: &Proof) {
        self.history.note(self.world.now, format!("Greet {proof:?}"));
        let said = self.client.greet(self.world.credentials(proof)).await;
        let predicted = self.world.caller(proof);
        let Some((caller, answer)) = self.agree(predicted, said) else { return };
        let user = &self.world.users[caller.user];
        assert_eq!(answer.message, format!("Hello, {}!", user.name));
        let told = answer.caller.unwrap();
        assert_eq!((&told.user_id, &told.roles), (&user.id, &caller.roles));
        let session = caller.session.map_or("", |id| &self.world.sessions[&id].id);
        assert_eq!(told.session_id, session);
        if let Proof::Bearer(token) | Proof::AsName(token) = proof {
            assert_eq!(told.audience, OWN);
            assert_eq!(told.expire_time.unwrap().seconds, self.world.tokens[token].expires);
        }
    }

    pub async fn change_password(&mut self, proof: &Proof, current: &str, new: &str) {
        self.history.note(self.world.now, format!("ChangePassword {current:?} to {new:?} by {proof:?}"));
        let said = self.client.change_password(self.world.credentials(proof), current, new).await;
        let predicted = self.world.change_password(proof, current, new);
        if let Some((minted, answer)) = self.agree(predicted, said) {
            self.take_tokens(&minted, tokens_of_change(answer));
        }
    }

    pub async fn create_code(&mut self, token: Id, target: Option<Id>) {
        self.history.note(self.world.now, format!("CreateResetCode for {target:?} by t{token}"));
        let said = self.admin(token).create_reset_code(&self.text_of(target)).await;
        let predicted = self.world.create_code(token, target);
        if let Some((id, answer)) = self.agree(predicted, said) {
            let code = self.world.codes.get_mut(&id).unwrap();
            code.text = answer.reset_code;
            assert_eq!(millis(answer.expire_time), code.expires);
            self.history.add(format!("code {id}"));
        }
    }

    pub async fn reset_password(&mut self, code: Option<Id>, new: &str) {
        self.history.note(self.world.now, format!("ResetPassword with code {code:?} to {new:?}"));
        let text = code.map_or("csp_garbage".to_owned(), |id| self.world.codes[&id].text.clone());
        let said = self.client.reset_password(&text, new).await;
        let predicted = self.world.reset_password(code, new);
        self.agree(predicted, said);
    }

    pub async fn delete_user(&mut self, proof: &Proof, target: Option<Id>, current: &str) {
        self.history.note(self.world.now, format!("DeleteUser {target:?} {current:?} by {proof:?}"));
        let said =
            self.client.delete_user(self.world.credentials(proof), &self.text_of(target), current).await;
        let predicted = self.world.delete_user(proof, target, current);
        self.agree(predicted, said);
    }

    pub async fn disable_user(&mut self, token: Id, target: Option<Id>) {
        self.history.note(self.world.now, format!("DisableUser {target:?} by t{token}"));
        let said = self.admin(token).disable_user(&self.text_of(target)).await;
        let predicted = self.world.disable_user(token, target);
        if let Some((id, answer)) = self.agree(predicted, said) {
            self.check_user(id, &answer);
        }
    }

    pub async fn enable_user(&mut self, token: Id, target: Option<Id>) {
        self.history.note(self.world.now, format!("EnableUser {target:?} by t{token}"));
        let said = self.admin(token).enable_user(&self.text_of(target)).await;
        let predicted = self.world.enable_user(token, target);
        if let Some((id, answer)) = self.agree(predicted, said) {
            self.check_user(id, &answer);
        }
    }

    /// `roles` are sorted, each once.
    pub async fn set_roles(&mut self, token: Id, target: Option<Id>, roles: &[&str]) {
        self.history.note(self.world.now, format!("SetRoles of {target:?} to {roles:?} by t{token}"));
        let said = self.admin(token).set_roles(&self.text_of(target), roles).await;
        let predicted = self.world.set_roles(token, target, roles);
        if let Some((id, answer)) = self.agree(predicted, said) {
            self.check_user(id, &answer);
        }
    }

    fn check_user(&self, id: Id, shown: &pb::User) {
        let user = &self.world.users[id];
        assert_eq!((&shown.user_id, &shown.username), (&user.id, &user.name));
        assert_eq!((&shown.roles, shown.disabled), (&user.roles, user.state == State::Disabled));
        assert_eq!(millis(shown.create_time) / SECOND, user.created / SECOND);
    }
}

fn tokens_of_change(answer: pb::ChangePasswordResponse) -> Tokens {
    let pb::ChangePasswordResponse {
        token,
        token_type,
        duration,
        expire_time,
        refresh_token,
        session_id,
        ..
    } = answer;
    Tokens { token, token_type, duration, expire_time, refresh_token, session_id }
}
