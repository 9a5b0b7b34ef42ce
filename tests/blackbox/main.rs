//! Black-box tests of the built server, a module per capability.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails is how a test says what went wrong")]
#![expect(
    unreachable_pub,
    reason = "the harness is a crate's inside; its parts are public to each other's modules"
)]

mod harness;

mod access_matrix;
mod accounts;
mod admin_commands;
mod backups;
mod browsers;
mod cluster;
mod command_line;
mod corpus;
mod database_refuses;
mod database_stopped;
mod deleting;
mod documented_verifiers;
mod early_answers;
mod failover_with_loss;
mod faults;
mod foreign_clients;
mod full_disk;
mod half_messages;
mod health;
mod hostile_server;
mod hostile_tokens;
mod in_flight;
mod key_commands;
mod keys;
mod kills;
mod kills_of_sessions;
mod limits;
mod model;
mod new_passwords;
mod operators;
mod page;
mod protected_services;
mod python_client;
mod raw_paths;
mod refresh;
mod refresh_faults;
mod refresh_races;
mod refresh_theft;
mod remote_commands;
mod repetitions;
mod replicas;
mod replicas_start;
mod rest;
mod rolling_upgrade;
mod secrets;
mod session_limits;
mod sessions;
mod sign_out;
mod silence;
mod start_and_stop;
mod stopping;
mod tls;
mod token_libraries;
mod token_source;
mod tokens;
mod verifier;
mod verifier_commands;
mod verifier_crowd;
mod verifier_faults;
mod verifier_leases;
mod verifiers_elsewhere;
mod watch_trust;
mod watch_trust_ends;
mod what_ends_what;
mod wrong_clocks;
