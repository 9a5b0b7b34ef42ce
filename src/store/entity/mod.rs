//! The tables as SeaORM sees them: names of tables and columns, one file each. No row is read into a `Model`: values
//! become domain types one by one, where a damaged one can be named.

#![expect(
    unreachable_pub,
    reason = "SeaORM's derives make public types, whose associated types must be public too"
)]

pub(super) mod cluster_values;
pub(super) mod duties;
pub(super) mod key_ring;
pub(super) mod origin;
pub(super) mod replicas;
pub(super) mod reset_codes;
pub(super) mod revocations;
pub(super) mod schema_migrations;
pub(super) mod security_events;
pub(super) mod server_key;
pub(super) mod sessions;
pub(super) mod trust_counter;
pub(super) mod trust_marks;
pub(super) mod users;
pub(super) mod verifier_leases;
