//! What SQLite must do in its own way.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{SqliteDatabase, TestDatabase, act, at, new_session, password, tamper, user, user_id};
use crate::domain::Epoch;
use crate::store::{ActError, DatabaseUrl, OpenError, Store, StoreConfig, StoreError, sqlite};

async fn pragma(db: &DatabaseConnection, name: &str) -> String {
    let statement = Statement::from_string(db.get_database_backend(), format!("PRAGMA {name}"));
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    let number: Result<i64, DbErr> = row.try_get_by_index(0);
    match number {
        Ok(number) => number.to_string(),
        Err(_) => row.try_get_by_index(0).unwrap(),
    }
}

async fn open_error(path: &Path) -> OpenError {
    let url = DatabaseUrl::parse(&format!("sqlite://{}", path.display())).unwrap();
    let error = Store::open(&StoreConfig::new(url), at(1)).await.unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    error
}

#[tokio::test]
async fn the_pragmas_hold_on_the_writer_and_on_every_reader() {
    let database = SqliteDatabase::create().unwrap();
    let store = database.open().await;
    let writer = store.write(async |db: DatabaseConnection| Ok::<_, DbErr>(db)).await.unwrap();
    for (name, value) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("busy_timeout", "900"),
        ("query_only", "0"),
    ] {
        assert_eq!(pragma(&writer, name).await, value, "{name}");
    }
    // More often than there are readers.
    for _ in 0..40 {
        for (name, value) in [("journal_mode", "wal"), ("foreign_keys", "1"), ("query_only", "1")] {
            assert_eq!(pragma(&store.readers(), name).await, value, "{name}");
        }
    }
}

#[tokio::test]
async fn a_reader_does_not_write() {
    let database = SqliteDatabase::create().unwrap();
    let store = database.open().await;
    let outcome = store.readers().execute_unprepared("DELETE FROM users").await;
    assert!(outcome.unwrap_err().to_string().contains("readonly"));
}

#[tokio::test]
async fn a_user_with_sessions_cannot_vanish() {
    let database = SqliteDatabase::create().unwrap();
    let store = database.open().await;
    let alice = user(1, "alice");
    store.insert_user(&alice, &password("x"), &act(1)).await.unwrap();
    assert!(store.open_session(new_session(10, &alice), alice.proof(), &act(1)).await.unwrap().is_some());
    let outcome =
        store.write(async |db: DatabaseConnection| db.execute_unprepared("DELETE FROM users").await).await;
    assert!(outcome.unwrap_err().sql_err().is_some());
}

#[tokio::test]
async fn its_owner_alone_can_read_the_files() {
    let database = SqliteDatabase::create().unwrap();
    let store = database.open().await;
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(database.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["countersign.db", "countersign.db-shm", "countersign.db-wal"]);
}

#[tokio::test]
async fn what_is_no_database_is_refused_with_its_reason() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);

    assert!(matches!(open_error(folder.path()).await, OpenError::Folder(_)));
    assert!(matches!(open_error(&path("no/such/folder.db")).await, OpenError::NoFolder(_)));

    let text = "This is not a database, but longer than the header of one. ".repeat(20);
    fs::write(path("text.db"), &text).unwrap();
    assert!(matches!(open_error(&path("text.db")).await, OpenError::NotADatabase(_)));
    assert_eq!(fs::read_to_string(path("text.db")).unwrap(), text, "left as it is");
    assert!(matches!(open_error(&path("text.db/in.db")).await, OpenError::NoFolder(_)));
}

#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    let database = SqliteDatabase::create().unwrap();
    let folder = database.folder.path();
    let file = folder.join("countersign.db");
    database.open().await.close().await.unwrap();

    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    if File::options().append(true).open(&file).is_ok() {
        return; // Root writes wherever it wants.
    }
    assert!(matches!(open_error(&file).await, OpenError::NotWritable(_)));

    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o500)).unwrap();
    assert!(matches!(open_error(&file).await, OpenError::NotWritable(_)));
    assert!(matches!(open_error(&folder.join("new.db")).await, OpenError::NotWritable(_)));
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_lock_that_another_process_keeps_is_an_outage_of_two_seconds_at_most() {
    let database = SqliteDatabase::create().unwrap();
    let (store, other) = (database.open().await, database.open().await);
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
    let (locked, is_locked) = oneshot::channel();
    let (free, is_free) = oneshot::channel::<()>();
    let lock = tokio::spawn(async move {
        let work = async move |db: DatabaseConnection| {
            let transaction = sqlite::begin_immediate(&db).await?;
            locked.send(()).unwrap();
            is_free.await.unwrap();
            transaction.rollback().await
        };
        other.write(work).await
    });
    is_locked.await.unwrap();

    let (bob, secret, now) = (user(2, "bob"), password("x"), act(1));
    let both = async {
        tokio::join!(
            store.insert_user(&bob, &secret, &now),
            store.record_use(super::session_id(1), at(1), (Epoch::FIRST, at(1)), &super::LIMITS)
        )
    };
    let (first, second) = timeout(Duration::from_secs(2), both).await.unwrap();
    let first = first.unwrap_err();
    assert!(matches!(first, ActError::Store(StoreError::Unreachable(_))), "{first:?}");
    assert!(matches!(second.unwrap_err(), StoreError::Unreachable(_)));
    assert!(store.lookup_user(super::user_id(1)).await.unwrap().is_some(), "reads go on");

    free.send(()).unwrap();
    lock.await.unwrap().unwrap();
    store.insert_user(&bob, &secret, &act(1)).await.unwrap();
}

#[tokio::test]
async fn the_log_of_a_file_that_was_moved_away_proves_nothing() {
    let database = SqliteDatabase::create().unwrap();
    let store = database.open().await;
    store.ensure_trust_counter([1; 16]).await.unwrap();
    store.follow_trust_log().await.unwrap();
    let news = store.trust().follow();
    let before = news.borrow().read_began;
    let file = database.config().url.file().unwrap().to_owned();
    let moved = file.with_extension("moved");
    fs::rename(&file, &moved).unwrap();
    let refused = store.follow_trust_log().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable(_)), "{refused:?}");
    assert_eq!(news.borrow().read_began, before, "no heartbeat stands on it");
    fs::rename(&moved, &file).unwrap();
    store.follow_trust_log().await.unwrap();
    assert!(news.borrow().read_began > before);
}

#[tokio::test]
async fn opening_waits_for_a_lock_that_sqlite_itself_does_not_wait_for() {
    let database = SqliteDatabase::create().unwrap();
    let file = database.folder.path().join("countersign.db");
    // Another process is in the middle of making the database: the change to WAL fails at once.
    let other = Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    let transaction = sqlite::begin_immediate(&other).await.unwrap();
    let mut opening = pin!(database.open());
    let first_look = timeout(Duration::from_millis(300), &mut opening).await;
    assert!(first_look.is_err(), "it waits");
    transaction.rollback().await.unwrap();
    opening.await.ping().await.unwrap();
}

/// What a program of before sessions could be refreshed has left: users and sessions without anything that came later.
#[tokio::test]
async fn a_database_of_an_earlier_release_goes_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("countersign.db");
    let writer = sqlite::open_writer(&path).await.unwrap();
    let first_four: Vec<_> = countersign_migration::migrations().into_iter().take(4).collect();
    crate::store::schema::migrate(&writer, &first_four, at(1)).await.unwrap();
    for sql in [
        "INSERT INTO users (id, name_mapped, name_shown, password_hash, roles, state, epoch, created) \
         VALUES (x'00000000000000000000000000000001', CAST('alice' AS BLOB), 'Alice', '$x', 'admin', 1, 1, 1)",
        "INSERT INTO sessions (id, user_id, amr, auth_time, created, used, expires) VALUES \
         (x'0000000000000000000000000000000a', x'00000000000000000000000000000001', 'pwd', 1000, 1000, 1000, 9000)",
        "INSERT INTO trust_counter (id, incarnation, sequence) VALUES (1, x'00000000000000000000000000000007', 0)",
    ] {
        writer.execute_unprepared(sql).await.unwrap();
    }
    writer.close().await.unwrap();

    let url = DatabaseUrl::parse(&format!("sqlite://{}", path.display())).unwrap();
    let store = Store::open(&StoreConfig::new(url), at(2)).await.unwrap();
    let found = store.lookup_refreshable(super::session_id(10)).await.unwrap().unwrap();
    assert_eq!((found.chain, found.session.tokens_until), (None, at(9000)), "tokens as long as the session");
    assert_eq!((found.user.username.shown(), found.user.collapses), ("Alice", 0));
    assert_eq!(store.list_sessions(found.user.id, at(2000), &super::LIMITS, 9).await.unwrap().len(), 1);
    let mine = crate::store::Whose::Of(found.user.id);
    store.revoke_session(super::session_id(10), mine, super::LIMITS, &act(2000)).await.unwrap();
    assert_eq!(store.trust().len(), 1, "the session");
}

#[tokio::test]
async fn a_row_that_the_database_cannot_read_concerns_nobody_else() {
    let database = SqliteDatabase::create().unwrap();
    let store = database.open().await;
    for number in 1..=9 {
        store.insert_user(&user(number, &format!("user{number}")), &password("x"), &act(1)).await.unwrap();
    }
    tamper(&store, "ALTER TABLE users RENAME TO kept").await;
    let overflow =
        "CASE WHEN name_shown = 'user4' THEN abs(-9223372036854775807 - 1) ELSE epoch END AS epoch";
    let columns = "id, name_shown, roles, state, collapses, created";
    tamper(&store, format!("CREATE VIEW users AS SELECT {columns}, {overflow} FROM kept")).await;
    // The first two are asked for alone, the others together.
    let lookups: Vec<_> = (1..=9)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { (number, store.lookup_user(user_id(number)).await) })
        })
        .collect();
    for lookup in lookups {
        let (number, found) = lookup.await.unwrap();
        match found {
            Ok(found) => assert_eq!((found.unwrap().id, number == 4), (user_id(number), false)),
            Err(StoreError::Unexpected(_)) => assert_eq!(number, 4),
            Err(other) => panic!("{number}: {other:?}"),
        }
    }
}
