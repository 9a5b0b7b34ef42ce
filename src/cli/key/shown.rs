//! Keys as they are shown, wherever they come from.

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::json::{self, Object};
use crate::cli::table::Table;
use crate::cli::time::{moment, to_second};
use crate::cli::verifier_wait::Waited;
use crate::crypto::RingKey;
use crate::domain::{self, KeyState};
use crate::pb::auth::v1 as pb;

/// What every name of a state starts with and people do without.
const STATE_PREFIX: &str = "KEY_STATE_";

/// A key as it is shown.
pub(super) struct Shown {
    key: String,
    key_id: String,
    state: String,
    sign_from: Option<Timestamp>,
    sign_until: Option<Timestamp>,
    verify_until: Option<Timestamp>,
}

impl Shown {
    /// A key of the database, as it is at `now`.
    pub(super) fn of_ring(key: &RingKey, now: domain::Timestamp) -> Self {
        let time = |time: domain::Timestamp| Timestamp::from_millisecond(time.as_millis()).ok();
        let state = match key.state_at(now) {
            KeyState::Next => "NEXT",
            KeyState::Active => "ACTIVE",
            KeyState::Retired => "RETIRED",
        };
        Self {
            key: key.key.to_paserk(),
            key_id: key.key.id().to_string(),
            state: state.to_owned(),
            sign_from: time(key.sign_from),
            sign_until: key.sign_until.and_then(time),
            verify_until: key.verify_until.and_then(time),
        }
    }

    /// A key that a server told of.
    pub(super) fn of_message(key: &pb::VerificationKey) -> Self {
        Self {
            key: key.key.clone(),
            key_id: key.key_id.clone(),
            state: key.state().as_str_name().trim_start_matches(STATE_PREFIX).to_owned(),
            sign_from: moment(key.sign_from.as_ref()),
            sign_until: moment(key.sign_until.as_ref()),
            verify_until: moment(key.verify_until.as_ref()),
        }
    }

    /// Names and forms are those that proto3's JSON gives the message, so that a program reads both alike.
    pub(super) fn to_json(&self) -> Value {
        Object::default()
            .text("key", &self.key)
            .text("keyId", &self.key_id)
            .text("state", &format!("{STATE_PREFIX}{}", self.state))
            .time("signFrom", self.sign_from)
            .time("signUntil", self.sign_until)
            .time("verifyUntil", self.verify_until)
            .into()
    }
}

/// All of them, for programs or for people.
pub(super) fn keys(keys: &[Shown], as_json: bool) -> String {
    keys_left(keys, &Waited::default(), as_json)
}

/// Those that are left when others have been revoked, and who knows.
pub(super) fn keys_left(keys: &[Shown], waited: &Waited, as_json: bool) -> String {
    if as_json {
        let object = Object::default().list("keys", keys.iter().map(Shown::to_json));
        return json::render(&waited.add_to(object).into());
    }
    let row = |key: &Shown| {
        [
            key.state.clone(),
            to_second(key.sign_from),
            to_second(key.sign_until),
            key.key_id.clone(),
            key.key.clone(),
        ]
    };
    Table::new(["STATE", "SIGNS FROM", "SIGNS UNTIL", "KEY ID", "KEY"], keys.iter().map(row)).to_string()
}
