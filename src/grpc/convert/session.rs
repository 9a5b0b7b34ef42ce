//! Sessions.

use super::time::timestamp;
use crate::auth::{Error, ShownSession};
use crate::domain::SessionId;
use crate::pb::auth::v1 as pb;

pub(in crate::grpc) fn session_id(text: &str) -> Result<SessionId, Error> {
    SessionId::parse(text).map_err(|_| Error::field("session_id", "must be a UUID in lower case"))
}

pub(in crate::grpc) fn session(shown: &ShownSession) -> pb::Session {
    let ShownSession { session, expires, current } = shown;
    pb::Session {
        session_id: session.id.to_string(),
        create_time: Some(timestamp(session.created)),
        last_use_time: Some(timestamp(session.used)),
        expire_time: Some(timestamp(*expires)),
        user_agent: session.origin.user_agent.as_str().to_owned(),
        peer: session.origin.address.map(|address| address.to_string()).unwrap_or_default(),
        current: *current,
    }
}
