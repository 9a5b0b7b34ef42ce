//! Reading a whole database, to find what does not fit together. Every row goes through the parsers that calls use, a page
//! at a time, and what one row says of another the database compares itself; all of it as it is at one moment. Nothing is
//! changed, and no value is shown.

mod events;
mod findings;
mod pass;
mod revocations;
mod schema_notes;
mod sessions;
mod single_rows;
mod users;

pub use findings::{Finding, Findings};
pub use pass::Pass;
