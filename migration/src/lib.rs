//! The database schema of Countersign, one file a change.
