//! Between messages and domain types, a file a noun. What a field may hold is decided where it is parsed; here it is only
//! named.

mod event;
mod key;
mod session;
mod time;
mod token;
mod trust;
mod user;

pub(super) use event::event;
pub(super) use key::{key_set, verification_keys, verified, which_keys};
pub(super) use session::{session, session_id};
pub(super) use time::timestamp;
pub(super) use token::{
    changed_password, issue_command, issued, refresh_command, refreshed, reset_code, secret,
};
pub(super) use trust::{frame, hello, pending, report, verifier_wait, verifiers};
pub(super) use user::{caller, new_user, optional_user_id, roles, user, user_id, user_or_caller, user_ref};
