//! The body of the gRPC call that a request becomes. It is read when the door has let the call in and its method asks for
//! its message: not before limits and access rules, and within the call's deadline. What of one that is too large is left is
//! for whoever handed it in to deal with.

use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, StreamBody};
use tonic::Status;
use tonic::body::Body;

use super::problem::Problem;

/// The largest body that is read: as large as a message may be.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// Where what is wrong with a body is left; behind the door, only a status comes back.
#[derive(Clone, Default)]
pub(super) struct Complaint(Arc<OnceLock<Problem>>);

impl Complaint {
    /// What was wrong, if the body was looked at and something was.
    pub(super) fn get(&self) -> Option<&Problem> {
        self.0.get()
    }

    fn leave(&self, problem: Problem) -> Status {
        // One body is read once.
        let _first = self.0.set(problem);
        Status::invalid_argument("the body is not what this method takes")
    }
}

/// The body that `encode` makes of `body`: one message, framed.
pub(super) fn transcoded<F>(body: Body, encode: F) -> (Body, Complaint)
where
    F: FnOnce(&[u8]) -> Result<Vec<u8>, Problem> + Send + 'static,
{
    let complaint = Complaint::default();
    let left = complaint.clone();
    let frame = async move {
        let bytes = read(body).await?.map_err(|problem| left.leave(problem))?;
        let message = encode(&bytes).map_err(|problem| left.leave(problem))?;
        framed(&message).map(Frame::data).map_err(|problem| left.leave(problem))
    };
    (Body::new(StreamBody::new(stream::once(frame))), complaint)
}

/// Everything that is sent, if that is not too much; the outer error is the transport's.
async fn read(mut body: Body) -> Result<Result<Bytes, Problem>, Status> {
    if body.size_hint().lower() > MAX_BYTES as u64 {
        return Ok(Err(Problem::TooLarge));
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BYTES {
            return Ok(Err(Problem::TooLarge));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Ok(bytes.freeze()))
}

fn framed(message: &[u8]) -> Result<Bytes, Problem> {
    let length = u32::try_from(message.len()).map_err(|_| Problem::TooLarge)?;
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(length);
    frame.extend_from_slice(message);
    Ok(frame.freeze())
}
