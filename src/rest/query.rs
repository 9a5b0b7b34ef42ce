//! The query of a path, and a form, which is written the same way.

use super::percent;
use super::problem::Problem;

/// Names and values, in their order.
pub(super) fn read(text: &str) -> Result<Vec<(String, String)>, Problem> {
    text.split('&').filter(|pair| !pair.is_empty()).map(read_pair).collect()
}

fn read_pair(pair: &str) -> Result<(String, String), Problem> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let name = percent::decode_form(name).ok_or(Problem::Body("a name in the query is not well-formed"))?;
    match percent::decode_form(value) {
        Some(value) => Ok((name, value)),
        None => Err(Problem::unknown(&name, "must be percent-encoded UTF-8")),
    }
}
