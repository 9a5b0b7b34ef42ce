//! Between messages and domain types. What a field may hold is decided where it is parsed; here it is only named.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::auth::{Caller, Error, IssueCommand, Issued, Presented, Proof, UserRef};
use crate::domain::{Timestamp, User, UserId, UserState};
use crate::pb::auth::v1 as pb;

pub(super) fn new_user(request: pb::CreateUserRequest) -> (String, Zeroizing<String>) {
    (request.username, Zeroizing::new(request.password))
}

pub(super) fn user_ref(text: &str) -> Result<UserRef, Error> {
    match text {
        "me" => Ok(UserRef::Me),
        id => UserId::parse(id)
            .map(UserRef::Id)
            .map_err(|_| Error::field("user_id", "must be \"me\" or a UUID in lower case")),
    }
}

pub(super) fn issue_command(
    request: pb::IssueTokenRequest,
    presented: Presented,
    deadline: Option<Instant>,
) -> Result<IssueCommand, Error> {
    Ok(IssueCommand {
        presented,
        username: request.username,
        password: Zeroizing::new(request.password),
        lifetime: request.lifetime.map(span).transpose()?,
        audience: request.audience,
        deadline,
    })
}

/// A negative span becomes zero, which no lifetime may be either.
fn span(duration: prost_types::Duration) -> Result<Duration, Error> {
    const MAX_SECONDS: i64 = 315_576_000_000;
    let in_range = (-MAX_SECONDS..=MAX_SECONDS).contains(&duration.seconds)
        && (-999_999_999..=999_999_999).contains(&duration.nanos)
        && (duration.seconds == 0 || duration.nanos == 0 || (duration.seconds > 0) == (duration.nanos > 0));
    if !in_range {
        return Err(Error::field("lifetime", "is not a valid google.protobuf.Duration"));
    }
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(duration.seconds), u32::try_from(duration.nanos)) else {
        return Ok(Duration::ZERO);
    };
    Ok(Duration::new(seconds, nanos))
}

pub(super) fn user(user: &User) -> pb::User {
    pb::User {
        user_id: user.id.to_string(),
        username: user.username.shown().to_owned(),
        roles: user.roles.iter().map(str::to_owned).collect(),
        create_time: Some(timestamp(user.created)),
        disabled: user.state == UserState::Disabled,
    }
}

pub(super) fn issued(issued: Issued) -> pb::IssueTokenResponse {
    pb::IssueTokenResponse {
        token: issued.token.as_str().to_owned(),
        token_type: "Bearer".to_owned(),
        duration: Some(duration(issued.lifetime)),
        expire_time: Some(timestamp(issued.expires)),
        refresh_token: String::new(),
        session_id: issued.session_id.to_string(),
    }
}

pub(super) fn caller(caller: &Caller) -> pb::Caller {
    let known = pb::Caller {
        user_id: caller.user_id().to_string(),
        username: caller.username().to_owned(),
        roles: caller.roles().into_iter().map(str::to_owned).collect(),
        method: pb::AuthenticationMethod::Password.into(),
        ..pb::Caller::default()
    };
    match caller.proof() {
        Proof::Password => known,
        Proof::Token { claims, key_id } => pb::Caller {
            session_id: claims.session_id.to_string(),
            method: pb::AuthenticationMethod::Token.into(),
            key_id: key_id.to_string(),
            token_id: claims.token_id.to_string(),
            audience: claims.audience.clone(),
            expire_time: Some(prost_types::Timestamp { seconds: claims.expires_at, nanos: 0 }),
            ..known
        },
    }
}

fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.as_millis().rem_euclid(1000) * 1_000_000;
    prost_types::Timestamp { seconds: at.as_secs(), nanos: i32::try_from(nanos).unwrap_or(0) }
}

fn duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(seconds: i64, nanos: i32) -> Option<Duration> {
        span(prost_types::Duration { seconds, nanos }).ok()
    }

    #[test]
    fn spans_are_read_and_nonsense_is_refused() {
        assert_eq!(read(1, 500_000_000), Some(Duration::from_millis(1500)));
        assert_eq!(read(-1, 0), Some(Duration::ZERO));
        assert_eq!(read(0, -5), Some(Duration::ZERO));
        assert_eq!(read(1, -5), None);
        assert_eq!(read(-1, 5), None);
        assert_eq!(read(0, 1_000_000_000), None);
        assert_eq!(read(i64::MAX, 0), None);
    }

    #[test]
    fn times_before_the_epoch_keep_their_order() {
        assert_eq!(
            timestamp(Timestamp::from_millis(1)),
            prost_types::Timestamp { seconds: 0, nanos: 1_000_000 }
        );
        assert_eq!(
            timestamp(Timestamp::from_millis(-1)),
            prost_types::Timestamp { seconds: -1, nanos: 999_000_000 }
        );
    }
}
