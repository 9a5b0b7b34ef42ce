//! What every database must do alike: one list of tests, run on each through a small factory. What SQLite or a database
//! server alone must do is in `on_sqlite_alone` and `on_servers_alone`.

/// Runs what takes a database on each of the servers: tests of these alone.
macro_rules! on_both_servers {
    ($($test:ident)+) => {
        on_both_servers!(@ on_postgres = PostgresDatabase, $($test)+);
        on_both_servers!(@ on_mariadb = MariaDatabase, $($test)+);
    };
    (@ $server:ident = $database:ident, $($test:ident)+) => {
        mod $server {
            use super::super::{$database, TestDatabase};

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let Some(database) = $database::create() else { return };
                super::$test(&database).await;
            })+
        }
    };
}

mod accounts;
mod busy_servers;
mod check;
mod damage;
mod fence;
mod keys;
mod leases;
mod many_sessions;
mod on_servers_alone;
mod on_sqlite_alone;
mod plan;
mod purge;
mod refresh;
mod schema;
mod sessions;
mod trust_log;
mod user_lookups;
mod users;
mod writes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_test_servers::{MariaDb, Postgres};
use tempfile::TempDir;
use uuid::Uuid;

use super::{DatabaseUrl, Faults, NewSession, Store, StoreConfig};
use crate::domain::{
    Act, Actor, AuthMethods, Epoch, EventId, Origin, Roles, Session, SessionId, SessionLimits,
    StoredPassword, Timestamp, TokenHash, User, UserAgent, UserId, UserState, Username,
};

/// Runs the list on one database.
macro_rules! conformance {
    ($database:ident: $($topic:ident { $($test:ident)+ })+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(database) = super::$database::create() {
                    super::$topic::$test(&database).await;
                }
            }
        )+)+
    };
    ($($module:ident = $database:ident),+) => {
        $(mod $module {
            use super::TestDatabase;

            conformance! { $database:
                users {
                    a_user_is_read_back_as_it_was_inserted
                    names_that_differ_in_case_width_or_composition_collide
                    a_user_is_inserted_only_while_its_maker_is_who_it_was
                    of_many_inserts_of_one_name_one_wins
                    a_password_is_upgraded_only_while_it_is_the_old_one
                }
                user_lookups {
                    of_many_who_ask_at_once_each_is_told_of_its_own_user
                    who_asks_after_a_change_reads_it_here_and_at_a_replica
                }
                sessions {
                    a_session_is_read_back_with_its_user
                    a_session_of_an_old_epoch_is_not_opened
                    a_session_of_a_disabled_or_unknown_user_is_not_opened
                    a_use_moves_forward_only
                    a_use_of_a_dead_session_is_not_recorded
                }
                refresh {
                    a_rotation_is_read_back_as_it_was_written
                    of_many_rotations_of_one_token_one_wins
                    nothing_is_spent_where_something_has_changed
                    a_repetition_is_noted_while_the_token_is_the_current_one
                    reuse_ends_the_session_once_and_only_if_it_is_reuse
                }
                trust_log {
                    a_revocation_is_felt_here_at_once_and_elsewhere_by_the_log
                    a_write_takes_up_what_others_have_revoked_before_it
                    nothing_is_logged_that_no_token_can_meet
                    an_ending_loop_of_one_user_takes_bounded_room
                    the_session_that_is_idle_longest_makes_room
                    a_session_makes_room_for_its_like_alone
                    a_revoked_key_in_the_log_is_read
                    a_commit_that_dies_leaves_no_revocation_in_between
                    a_refused_act_changes_nothing
                    a_log_that_has_lost_its_end_is_noticed_however_it_has_grown_since
                    marks_go_when_nobody_asks_for_them
                }
                many_sessions {
                    all_sessions_of_a_user_end_however_many_they_are
                    everybodys_sessions_end_however_many_they_are
                    all_sessions_but_one_end_in_portions
                    all_sessions_but_one_end_although_who_asked_goes_away
                    tokens_end_however_many_sessions_there_were
                }
                accounts {
                    a_disabled_user_loses_sessions_and_reset_code
                    the_last_admin_stays
                    of_two_admins_who_demote_each_other_one_stays
                    new_roles_end_tokens_and_not_sessions
                    a_password_is_changed_only_while_the_old_one_holds
                    a_reset_code_is_spent_once_and_in_time
                    a_deleted_user_is_nobody_and_its_name_rests
                    counted_events_are_written_over_and_listed_by_page
                }
                purge {
                    sessions_go_when_nothing_asks_for_them
                    a_table_is_passed_in_steps
                    deleted_users_go_after_their_names_have_rested
                    a_deleted_user_waits_for_its_sessions
                    what_has_had_its_time_goes
                }
                leases {
                    a_replica_finds_the_verifiers_of_others_that_may_lack_something
                    a_verifier_moves_with_its_word
                    leases_go_when_their_time_is_over
                }
                keys {
                    of_many_first_rings_one_is_kept
                    of_many_replacements_of_one_version_one_wins
                    the_trust_counter_is_started_once
                }
                schema {
                    data_survives_close_and_reopen
                    a_second_start_changes_nothing
                    stores_that_open_an_empty_database_at_once_all_succeed
                    a_newer_schema_is_tolerated_down_to_its_lowest_reader
                    an_older_program_tolerates_what_it_need_not_know
                    a_foreign_schema_is_refused
                    a_migration_that_fails_leaves_nothing
                }
                plan {
                    a_plan_is_what_a_migration_runs
                    a_plan_begins_where_the_schema_is
                    a_plan_is_refused_where_a_migration_would_be
                }
                writes {
                    a_write_that_has_begun_outlives_its_caller
                    a_write_whose_caller_left_the_queue_never_begins
                    a_write_that_panics_lets_the_next_one_in
                    a_closed_store_is_unreachable
                    a_ping_asks_the_database
                }
                fence {
                    a_copy_is_refused_until_it_is_fenced
                    a_fence_ends_everything_of_before
                    a_database_that_was_never_served_is_fenced_too
                }
                check {
                    a_database_in_use_has_no_findings
                    what_is_wrong_with_a_user_is_found
                    what_is_wrong_with_a_session_is_found
                    what_is_wrong_between_sessions_and_the_log_is_found
                    what_is_wrong_elsewhere_is_found
                    what_no_constraint_keeps_away_is_found
                    a_check_passes_all_pages_at_one_moment
                    what_has_an_older_schema_is_not_checked
                }
                damage {
                    a_damaged_user_is_named_by_table_column_and_row
                    a_damaged_session_is_named_by_table_column_and_row
                    a_name_that_belongs_to_another_is_damage
                }
            }
        })+
    };
}

conformance!(on_sqlite = SqliteDatabase, on_postgres = PostgresDatabase, on_mariadb = MariaDatabase);

/// A database of one test's own, gone with the value.
trait TestDatabase: Sync {
    /// A new, empty one; `None` if there is no server, which was said then.
    fn create() -> Option<Self>
    where
        Self: Sized;
    /// Where it is.
    fn url(&self) -> String;
    /// What a test makes go wrong in it.
    fn faults(&self) -> &Faults;

    fn config(&self) -> StoreConfig {
        StoreConfig {
            connections: 6,
            faults: self.faults().clone(),
            ..StoreConfig::new(DatabaseUrl::parse(&self.url()).unwrap())
        }
    }

    /// Opens it, as one more process would.
    async fn open(&self) -> Store {
        Store::open(&self.config(), at(1)).await.unwrap()
    }
}

struct SqliteDatabase {
    folder: TempDir,
    faults: Faults,
}

impl TestDatabase for SqliteDatabase {
    fn create() -> Option<Self> {
        Some(Self { folder: TempDir::new().unwrap(), faults: Faults::default() })
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("countersign.db").display())
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

struct PostgresDatabase {
    url: String,
    faults: Faults,
}

impl TestDatabase for PostgresDatabase {
    fn create() -> Option<Self> {
        let url = Postgres::shared()?.create_database();
        Some(Self { url, faults: Faults::default() })
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

struct MariaDatabase {
    url: String,
    faults: Faults,
}

impl TestDatabase for MariaDatabase {
    fn create() -> Option<Self> {
        let url = MariaDb::shared()?.create_database();
        Some(Self { url, faults: Faults::default() })
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn user_id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn session_id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

fn user(number: u128, name: &str) -> User {
    User {
        id: user_id(number),
        username: Username::parse(name).unwrap(),
        roles: Roles::parse(["admin", "verifier"]).unwrap(),
        state: UserState::Active,
        epoch: Epoch::FIRST,
        collapses: 0,
        created: at(1_700_000_000_123),
    }
}

fn password(text: &str) -> StoredPassword {
    StoredPassword::from_phc(format!("$test${text}"))
}

/// Limits that nobody meets, but for the sessions' own ends.
const LIMITS: SessionLimits = SessionLimits {
    idle: Duration::from_secs(1_000_000),
    absolute: Duration::from_secs(2_000_000),
    per_user: Some(64),
};

/// Open from 1000 to 9000, with tokens until 5000.
fn session(number: u128, user: &User) -> Session {
    Session {
        id: session_id(number),
        user_id: user.id,
        methods: AuthMethods::Password,
        auth_time: at(1000),
        created: at(1001),
        used: at(1002),
        expires: at(9000),
        tokens_until: at(5000),
        ended: None,
        origin: Origin { address: Some([192, 0, 2, 1].into()), user_agent: UserAgent::cleaned("test/1.0") },
    }
}

/// The same, to be opened. Its first refresh token hashes to its number.
fn new_session(number: u128, user: &User) -> NewSession {
    NewSession { session: session(number, user), refresh: Some(token_hash(number, 1)), limits: LIMITS }
}

/// The hash of a session's refresh token of a generation.
fn token_hash(session: u128, generation: u8) -> TokenHash {
    let mut bytes = [generation; 32];
    bytes[..16].copy_from_slice(&session.to_be_bytes());
    TokenHash::from_bytes(bytes)
}

/// Something that nobody's permission is needed for.
fn act(now: i64) -> Act {
    act_of(None, now)
}

/// Something that `actor` does.
fn act_of(actor: Option<Actor>, now: i64) -> Act {
    static EVENTS: AtomicU64 = AtomicU64::new(1);
    let event_id = EventId::from_uuid(Uuid::from_u128(EVENTS.fetch_add(1, Ordering::Relaxed).into()));
    let origin = Origin { address: Some([192, 0, 2, 9].into()), user_agent: UserAgent::default() };
    Act { actor, origin, now: at(now), event_id }
}

/// Alice, user 1; nothing that has happened to her so far is an event.
async fn with_alice(database: &impl TestDatabase) -> (Store, User) {
    let store = database.open().await;
    store.ensure_trust_counter([7; 16]).await.unwrap();
    let alice = user(1, "Alice");
    store.insert_user(&alice, &password("x"), &act(1)).await.unwrap();
    tamper(&store, "DELETE FROM security_events").await;
    (store, alice)
}

/// Changes rows behind the store's back. Bytes are `x'00ff'`, which PostgreSQL spells in its own way.
async fn tamper(store: &Store, sql: impl Into<String>) {
    use sea_orm::ConnectionTrait;

    let mut sql = sql.into();
    if store.readers().get_database_backend() == sea_orm::DbBackend::Postgres {
        sql = sql.replace("x'", r"'\x");
    }
    store
        .write(async move |db: sea_orm::DatabaseConnection| db.execute_unprepared(&sql).await)
        .await
        .unwrap();
}

/// The number that `sql` selects.
async fn count(store: &Store, sql: &str) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};

    let statement = Statement::from_string(store.readers().get_database_backend(), sql);
    let row = store.readers().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
