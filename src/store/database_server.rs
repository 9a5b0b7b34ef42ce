//! What only database servers know, PostgreSQL and MySQL: their connections, what is set on each, and what is asked of
//! the server before it is used.
//!
//! Transactions are READ COMMITTED. Whoever decides something about a user holds that user's row (`Transaction::lock`), so
//! that what is read stays true until the commit; the counter of the trust log is held last and shortest. Between users
//! nothing waits.

use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use countersign_migration::Migration;
use sea_orm::sqlx::{ConnectOptions as _, Connection, Executor, MySqlConnection, PgConnection, PgPool};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, IsolationLevel, SqlxError, Statement, TransactionTrait,
};
use tokio::time::timeout;

use super::config::ACQUIRE_TIMEOUT;
use super::database_url::Place;
use super::engine::Renewal;
use super::{DatabaseUrl, OpenError, StoreConfig, schema};
use crate::domain::Timestamp;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is asked whether it is there before it is used: a server that was started again
/// has forgotten it.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long a connection is used at most: addresses behind a name change.
const MAX_LIFETIME: Duration = Duration::from_secs(1800);
/// How long a connection that comes back into its pool may take to say that it is there: its place is taken until then, and
/// the driver itself would wait for as long as the kernel does.
const RETURN_PATIENCE: Duration = Duration::from_secs(1);
/// How long new connections are tried for, and those of before asked, before that is given up for another attempt.
const RENEWAL_PATIENCE: Duration = Duration::from_millis(500);
/// How often connections are tried at a start, where the server answers: one that many start on at once is slow to accept them.
const ATTEMPTS: usize = 5;
/// How long closing may take: a server that does not answer says no goodbye.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// What the driver's hooks give back.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The connections to a database server.
pub(super) struct DatabaseServer {
    url: DatabaseUrl,
    writers_at_once: u32,
    readers_at_once: u32,
    pools: ArcSwap<Pools>,
}

struct Pools {
    writers: DatabaseConnection,
    readers: DatabaseConnection,
    follower: DatabaseConnection,
    announcements: DatabaseConnection,
}

impl DatabaseServer {
    /// How long a statement or a transaction may take, and how long it may wait for a lock of another: with the wait for a
    /// connection before it, a call ends within two seconds or so, whatever the server does.
    pub(super) const PATIENCE: Duration = Duration::from_millis(1500);

    /// Connects, and brings the schema up to date.
    pub(super) async fn open(
        config: &StoreConfig,
        known: &[Box<dyn Migration>],
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        migrate(&config.url, known, now).await?;
        let writers_at_once = (config.connections / 2).max(1);
        let readers_at_once = config.connections.saturating_sub(writers_at_once).max(1);
        let pools = Pools::open_at_start(&config.url, writers_at_once, readers_at_once).await?;
        Ok(Self {
            url: config.url.clone(),
            writers_at_once,
            readers_at_once,
            pools: ArcSwap::from_pointee(pools),
        })
    }

    pub(super) fn writers_at_once(&self) -> u32 {
        self.writers_at_once
    }

    pub(super) fn writers(&self) -> DatabaseConnection {
        self.pools.load().writers.clone()
    }

    pub(super) fn readers(&self) -> DatabaseConnection {
        self.pools.load().readers.clone()
    }

    /// Whether all connections to read on are open and somebody has each.
    pub(super) fn readers_are_taken(&self) -> bool {
        let readers = &self.pools.load().readers;
        let (open, idle) = match readers.get_database_backend() {
            DbBackend::Postgres => {
                let pool = readers.get_postgres_connection_pool();
                (pool.size(), pool.num_idle())
            }
            _ => {
                let pool = readers.get_mysql_connection_pool();
                (pool.size(), pool.num_idle())
            }
        };
        open >= self.readers_at_once && idle == 0
    }

    pub(super) fn follower(&self) -> DatabaseConnection {
        self.pools.load().follower.clone()
    }

    /// Where PostgreSQL passes on what other processes say.
    pub(super) fn announcements(&self) -> Option<PgPool> {
        let pool = &self.pools.load().announcements;
        (pool.get_database_backend() == DbBackend::Postgres)
            .then(|| pool.get_postgres_connection_pool().clone())
    }

    /// Opens new connections, and closes the old ones behind whoever still uses them. A machine that vanished without a
    /// word leaves connections on which the kernel waits for a quarter of an hour.
    ///
    /// What is answered on one of the old ones speaks for that one: those who write may have none. So one of each kind is asked
    /// meanwhile; if all of these answer before, as those of a server that is slow do, there is nothing to renew.
    pub(super) async fn renew(&self) -> Result<Renewal, DbErr> {
        let old = self.pools.load_full();
        let mut opening = pin!(self.open_anew());
        let mut asking = pin!(timeout(RENEWAL_PATIENCE, old.answer()));
        let (opened, answered) = tokio::select! {
            opened = opening.as_mut() => (opened, None),
            answered = asking.as_mut() => match answered {
                Ok(Ok(())) => return Ok(Renewal::Needless),
                _ => (opening.await, Some(answered)),
            },
        };
        let refusal = match opened {
            Ok(fresh) => {
                self.replace(fresh);
                return Ok(Renewal::Done);
            }
            Err(refusal) => refusal,
        };
        let answered = match answered {
            Some(answered) => answered,
            None => asking.await,
        };
        if matches!(answered, Ok(Ok(()))) { Ok(Renewal::Needless) } else { Err(refusal) }
    }

    /// The same, whatever the old ones answer: they keep what was so when they were opened.
    pub(super) async fn renew_all_the_same(&self) -> Result<Renewal, DbErr> {
        self.replace(self.open_anew().await?);
        Ok(Renewal::Done)
    }

    async fn open_anew(&self) -> Result<Pools, DbErr> {
        let opening = Pools::open(&self.url, self.writers_at_once, self.readers_at_once);
        timeout(RENEWAL_PATIENCE, opening)
            .await
            .map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?
    }

    fn replace(&self, fresh: Pools) {
        let old = self.pools.swap(Arc::new(fresh));
        tokio::spawn(async move { old.close().await });
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.pools.load_full().close().await
    }
}

impl Pools {
    async fn open_at_start(url: &DatabaseUrl, writers: u32, readers: u32) -> Result<Self, DbErr> {
        for _ in 1..ATTEMPTS {
            if let Ok(pools) = Self::open(url, writers, readers).await {
                return Ok(pools);
            }
        }
        Self::open(url, writers, readers).await
    }

    async fn open(url: &DatabaseUrl, writers: u32, readers: u32) -> Result<Self, DbErr> {
        // One first: where there is none, a server that is full or just starting is not asked for four.
        let follower = connect(url, 1).await?;
        let (writers, readers, announcements) =
            tokio::try_join!(connect(url, writers), connect(url, readers), connect(url, 1))?;
        Ok(Self { writers, readers, follower, announcements })
    }

    /// Asks on a connection of each kind.
    async fn answer(&self) -> Result<(), DbErr> {
        tokio::try_join!(self.writers.ping(), self.readers.ping(), self.follower.ping())?;
        Ok(())
    }

    async fn close(&self) -> Result<(), DbErr> {
        let close = async |pool: &DatabaseConnection| {
            let closing = timeout(CLOSE_PATIENCE, pool.clone().close());
            closing.await.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?
        };
        // All of them, also where one is late.
        let closed = tokio::join!(
            close(&self.announcements),
            close(&self.readers),
            close(&self.follower),
            close(&self.writers)
        );
        closed.0.and(closed.1).and(closed.2).and(closed.3)
    }
}

/// Begins a transaction that sees what others commit meanwhile, one statement after the other.
pub(super) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_config(Some(IsolationLevel::ReadCommitted), None).await
}

/// Brings the schema up to date, on a connection of its own: MySQL's lock belongs to one, and goes with it.
async fn migrate(url: &DatabaseUrl, known: &[Box<dyn Migration>], now: Timestamp) -> Result<(), OpenError> {
    let db = reach(url).await?;
    let outcome = match examine(&db).await {
        Ok(()) => schema::migrate(&db, known, now).await.map(drop),
        Err(error) => Err(error),
    };
    let _closed_or_not = timeout(CLOSE_PATIENCE, db.close()).await;
    outcome
}

/// A connection to a server of which nothing is known yet. A pool that cannot connect says only that it took too long, so one
/// more attempt, without a pool, learns why; if it succeeds, the server is worth another.
pub(super) async fn reach(url: &DatabaseUrl) -> Result<DatabaseConnection, OpenError> {
    let refused = |cause: Box<dyn Error + Send + Sync>| OpenError::NoAnswer(url.to_string(), cause);
    let mut attempts = 0;
    loop {
        let late = match connect(url, 1).await {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        attempts += 1;
        match timeout(CONNECT_TIMEOUT, connect_alone(url)).await {
            Ok(Ok(())) if attempts < ATTEMPTS => {}
            Ok(Err(cause)) => return Err(refused(said(&cause).into())),
            _ => return Err(refused(late.into())),
        }
    }
}

async fn connect_alone(url: &DatabaseUrl) -> Result<(), SqlxError> {
    match url.place() {
        Place::Postgres(place) => PgConnection::connect_with(place).await.map(drop),
        Place::MySql(place) => MySqlConnection::connect_with(place).await.map(drop),
        Place::Sqlite(_) => Ok(()),
    }
}

/// What a server said, without what the driver says around it.
fn said(error: &SqlxError) -> String {
    match error {
        SqlxError::Database(said) => said.message().to_owned(),
        SqlxError::Io(error) => error.to_string(),
        SqlxError::Tls(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Whether a session may only read: it keeps what the server's settings were when it began.
pub(super) async fn only_reads(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(false);
    }
    let ask = Statement::from_string(DbBackend::Postgres, "SELECT current_setting('transaction_read_only')");
    let row = db.query_one_raw(ask).await?;
    let setting = row.map(|row| row.try_get_by_index::<String>(0)).transpose()?;
    Ok(setting.is_some_and(|setting| setting == "on"))
}

/// Whether the server keeps what the statements count on.
pub(super) async fn examine(db: &DatabaseConnection) -> Result<(), OpenError> {
    let ask = async |sql: &str| -> Result<String, DbErr> {
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(statement).await?;
        row.map_or(Ok(String::new()), |row| row.try_get_by_index(0))
    };
    match db.get_database_backend() {
        DbBackend::MySql => {
            let mode = ask("SELECT @@SESSION.sql_mode").await?;
            if !mode.split(',').any(|word| matches!(word, "STRICT_TRANS_TABLES" | "STRICT_ALL_TABLES")) {
                return Err(OpenError::NotStrict);
            }
        }
        DbBackend::Postgres => {
            if ask("SHOW server_encoding").await? != "UTF8" {
                return Err(OpenError::NotUnicode);
            }
            if ask("SHOW fsync").await? != "on" {
                tracing::warn!("the database runs with fsync = off: what it acknowledges can be lost");
            }
            if ask("SHOW synchronous_commit").await? == "off" {
                return Err(OpenError::NotDurable);
            }
        }
        _ => {}
    }
    Ok(())
}

pub(super) async fn connect(url: &DatabaseUrl, connections: u32) -> Result<DatabaseConnection, DbErr> {
    let connecting = Database::connect(connect_options(url, connections));
    timeout(CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?
}

fn connect_options(url: &DatabaseUrl, connections: u32) -> ConnectOptions {
    // The URL only picks the driver: SeaORM's connect span shows it.
    let mut options = match url.place() {
        Place::Postgres(place) => {
            let place = place.clone();
            let mut options = ConnectOptions::new("postgres://localhost/countersign");
            options
                .map_sqlx_postgres_opts(move |_| {
                    let options = place.as_ref().clone().application_name("countersign");
                    // What SeaORM has set for this is not in it.
                    options.options(postgres_settings()).disable_statement_logging()
                })
                .map_sqlx_postgres_pool_opts(|pool| pool.after_release(|back, _| still_there(back)));
            options
        }
        Place::MySql(place) => {
            let place = place.clone();
            let mut options = ConnectOptions::new("mysql://localhost/countersign");
            options
                .map_sqlx_mysql_opts(move |_| {
                    place.as_ref().clone().charset("utf8mb4").disable_statement_logging()
                })
                .map_sqlx_mysql_pool_opts(|pool| {
                    pool.after_connect(|connection, _| set_mysql(connection))
                        .after_release(|back, _| still_there(back))
                });
            options
        }
        Place::Sqlite(_) => ConnectOptions::new("sqlite:"),
    };
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(CONNECT_TIMEOUT)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(MAX_LIFETIME)
        .test_before_acquire_if_idle_for(TRUSTED_IDLE)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

/// Whether a connection that comes back can be used again.
fn still_there<C: Connection>(connection: &mut C) -> Boxed<'_, Result<bool, SqlxError>> {
    Box::pin(async move {
        match timeout(RETURN_PATIENCE, connection.ping()).await {
            Ok(answer) => answer.map(|()| true),
            Err(_) => Err(SqlxError::PoolTimedOut),
        }
    })
}

/// What the server itself keeps, so that a replica that was stopped in the middle of something holds nobody up.
fn postgres_settings() -> [(&'static str, String); 4] {
    let millis = DatabaseServer::PATIENCE.as_millis().to_string();
    [
        ("statement_timeout", millis.clone()),
        ("lock_timeout", millis.clone()),
        ("idle_in_transaction_session_timeout", millis),
        ("default_transaction_isolation", "read committed".to_owned()),
    ]
}

/// The same for MySQL and MariaDB, of which only MariaDB ends a session that idles in a transaction, after whole seconds.
fn set_mysql(connection: &mut MySqlConnection) -> Boxed<'_, Result<(), SqlxError>> {
    Box::pin(async move {
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        connection.execute("SET SESSION innodb_lock_wait_timeout = 1").await?;
        let _unknown_to_mysql = connection.execute("SET SESSION idle_transaction_timeout = 2").await;
        Ok(())
    })
}
