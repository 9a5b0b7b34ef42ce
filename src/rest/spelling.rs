//! The names of fields in what clients over HTTP are told. The sentence has the name as it is spelled in JSON; `BadRequest.field`
//! has the one of the proto, on every wire alike, as its definition asks.

use prost_reflect::MessageDescriptor;
use tonic::Status;
use tonic_types::StatusExt;

use super::template::Template;

/// The same refusal, with a field of `message` called in its sentence as JSON calls it. One that is in the path is spelled
/// there as in the proto.
pub(super) fn in_json(status: Status, message: &MessageDescriptor, path: &Template) -> Status {
    let mut details = status.get_error_details();
    let Some(violation) = details.bad_request().and_then(|bad| bad.field_violations.first()) else {
        return status;
    };
    let in_path = path.variables().any(|name| name == violation.field);
    let field = message.get_field_by_name(&violation.field).filter(|_| !in_path);
    let spelled = field.and_then(|field| {
        let rule = status.message().strip_prefix(violation.field.as_str())?;
        Some(format!("{}{rule}", field.json_name()))
    });
    match spelled {
        Some(spelled) => Status::with_error_details(status.code(), spelled, std::mem::take(&mut details)),
        None => status,
    }
}
