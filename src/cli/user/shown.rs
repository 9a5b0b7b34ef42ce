//! A user as it is shown, for people and for programs.

use serde_json::Value;

use crate::cli::json::{self, Object};
use crate::cli::table::Table;
use crate::cli::time::{moment, to_second};
use crate::cli::verifier_wait::Waited;
use crate::pb::auth::v1::User;

/// Several users.
pub(super) fn users(users: &[User], json: bool) -> String {
    if json {
        json::render(&Object::default().list("users", users.iter().map(to_json)).into())
    } else {
        as_table(users)
    }
}

/// One user.
pub(super) fn user(user: &User, json: bool) -> String {
    changed_user(user, &Waited::default(), json)
}

/// One user whose tokens of before have been revoked, and who knows.
pub(super) fn changed_user(user: &User, waited: &Waited, json: bool) -> String {
    if json {
        json::render(&waited.add_to(Object::default().value("user", to_json(user))).into())
    } else {
        as_table(std::slice::from_ref(user))
    }
}

fn to_json(user: &User) -> Value {
    Object::default()
        .text("userId", &user.user_id)
        .text("username", &user.username)
        .texts("roles", &user.roles)
        .time("createTime", moment(user.create_time.as_ref()))
        .flag("disabled", user.disabled)
        .into()
}

fn as_table(users: &[User]) -> String {
    let row = |user: &User| {
        [
            user.user_id.clone(),
            user.username.clone(),
            user.roles.join(","),
            to_second(moment(user.create_time.as_ref())),
            if user.disabled { "disabled" } else { "enabled" }.to_owned(),
        ]
    };
    Table::new(["USER ID", "USERNAME", "ROLES", "CREATED", "STATE"], users.iter().map(row)).to_string()
}
