//! Backups and what is put back: nothing that was revoked since a copy was made lives again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use countersign::pb::auth::v1 as pb;
use countersign_test_servers::Postgres;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::harness::{
    Binary, Client, Credentials, Database, Desk, PASSWORD, Refused, Tokens, Watcher, countersign, hello,
    master_key_file, on_postgres, run, said_no, said_yes,
};

/// How many users are made while a backup is: it stands between two of them.
const CROWD: usize = 40;

fn ask(folder: &Path, arguments: &[&str]) -> Output {
    run(countersign(folder).args(arguments), "")
}

/// What a start says that is refused.
fn refused_start(folder: &Path, more: &[&str]) -> String {
    let mut command = countersign(folder);
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut service = command.spawn().unwrap();
    let mut greeting = String::new();
    // One that starts says so and stays.
    BufReader::new(service.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
    if !greeting.is_empty() {
        service.kill().unwrap();
    }
    let output = service.wait_with_output().unwrap();
    assert_eq!(greeting, "", "it started");
    said_no(1, &output)
}

fn unauthenticated(reason: &str) -> Refused {
    Refused::unauthenticated(reason)
}

/// A service with Alice, signed in twice.
async fn serving() -> (Binary, Client, [Tokens; 2]) {
    let server = Binary::start(&[]);
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = [client.open("alice", PASSWORD).await, client.open("alice", PASSWORD).await];
    (server, client, tokens)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_before_lives_after_a_restore_and_a_fence() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let mut desk = Desk::open();
    desk.create_user("orders", &["--role", "verifier"]);
    let watching = desk.sign_in("orders");
    let client = desk.server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let [ended, living] = [client.open("alice", PASSWORD).await, client.open("alice", PASSWORD).await];
    let mut watcher =
        Watcher::begin(desk.server.channel().await, Credentials::Bearer(&watching), hello("orders-1"))
            .await
            .unwrap();
    let resume = watcher.told().await.heartbeat.position;

    back_up_beside_writes(&desk.server, &client).await;
    client.revoke_token(&ended.token).await.unwrap();
    let later = client.open("alice", PASSWORD).await;
    let keys_before = desk.table(&["key", "list"]);

    let restore = ["restore", "backup.db", "--replace"];
    let said = said_no(1, &desk.server.run(&restore, ""));
    assert!(said.contains("is in use: stop the service"), "{said}");
    let said = said_no(1, &desk.server.run(&["fence", "--yes"], ""));
    assert!(said.contains("is in use: stop the service"), "{said}");
    client.greet(Credentials::Bearer(&living.token)).await.unwrap();
    drop((client, watcher));
    let (status, log, folder) = desk.server.stop();
    assert!(status.success(), "{log}");

    let said = said_no(1, &ask(folder.path(), &["restore", "backup.db"]));
    assert!(said.contains("--replace"), "{said}");
    let restored = ask(folder.path(), &restore);
    assert!(said_yes(&restored).contains("`countersign fence`"));
    let kept = String::from_utf8(restored.stderr).unwrap();
    assert!(kept.contains("countersign.db.replaced-"), "{kept}");
    let refusal = refused_start(folder.path(), &[]);
    assert!(
        refusal.contains("restored from a backup") && refusal.contains("`countersign fence`"),
        "{refusal}"
    );
    assert!(said_no(2, &ask(folder.path(), &["fence"])).contains("--yes"));
    let said = said_yes(&ask(folder.path(), &["fence", "--yes"]));
    assert!(said.contains("2 signing keys") && said.contains("Passwords"), "{said}");

    desk.server = Binary::start_in(folder, &[]);
    let client = desk.server.client().await;
    for tokens in [&ended, &living, &later] {
        let refusal = client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err();
        assert!(["TOKEN_INVALID", "TOKEN_REVOKED"].contains(&refusal.reason.as_str()), "{refusal:?}");
        let refusal = client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err();
        assert_eq!(refusal, unauthenticated("TOKEN_INVALID"));
    }
    let anew = client.open("alice", PASSWORD).await;
    let sessions = client.list_sessions(Credentials::Bearer(&anew.token), "").await.unwrap();
    assert_eq!(sessions.len(), 1, "its own alone");
    let keys = said_yes(&desk.server.run(&["key", "list"], ""));
    assert!(key_ids(&keys).iter().all(|id| !keys_before.contains(id)), "{keys}");

    let watching = client.sign_in("orders", PASSWORD).await;
    let channel = desk.server.channel().await;
    let again = pb::VerifierHello { resume: resume.clone(), ..hello("orders-1") };
    let mut watcher = Watcher::begin(channel, Credentials::Bearer(&watching), again).await.unwrap();
    let told = watcher.told().await;
    assert_eq!(told.snapshots, 1, "what it knows means nothing any more");
    assert_ne!(told.heartbeat.position.unwrap().incarnation, resume.unwrap().incarnation);
    let shown = |set: &[pb::VerificationKey]| set.iter().map(|key| key.key_id.clone()).collect::<Vec<_>>();
    assert_eq!(shown(&told.key_sets[0]), key_ids(&keys));
    drop(watcher);
    desk.server.stop();
}

fn key_ids(table: &str) -> Vec<String> {
    table.split_whitespace().filter(|word| word.starts_with("k4.pid.")).map(str::to_owned).collect()
}

/// Makes `backup.db` while users are made: it is the database as it was at one moment.
async fn back_up_beside_writes(server: &Binary, client: &Client) {
    let (begun, is_begun) = oneshot::channel();
    let writer = client.clone();
    let writing = tokio::spawn(async move {
        let mut begun = Some(begun);
        for number in 0..CROWD {
            writer.create_user(&format!("user{number:02}"), PASSWORD).await.unwrap();
            begun.take().map(|begun| begun.send(()));
        }
    });
    is_begun.await.unwrap();
    let folder = server.folder.path();
    let said = said_yes(&server.run(&["backup", "backup.db"], ""));
    assert!(said.contains("is a backup of sqlite://"), "{said}");
    writing.await.unwrap();
    assert_eq!(fs::metadata(folder.join("backup.db")).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains(".tmp")), "{left:?}");
    let said = said_no(1, &server.run(&["backup", "backup.db"], ""));
    assert!(said.contains("there already"), "{said}");
    // As many users as were made by then, from the first on: a hole would be half of two moments.
    let copy = TempDir::new().unwrap();
    fs::copy(folder.join("backup.db"), copy.path().join("countersign.db")).unwrap();
    let copied = Database::of(copy.path());
    let count = copied.query_number("SELECT COUNT(*) FROM users WHERE name_shown LIKE 'user%'").await;
    let beyond = format!(
        "SELECT COUNT(*) FROM users WHERE name_shown LIKE 'user%' AND name_shown >= 'user{count:02}'"
    );
    assert!(count > 0);
    assert_eq!(copied.query_number(&beyond).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_refused_however_it_was_put_in_its_place() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let (server, client, [tokens, _]) = serving().await;
    said_yes(&server.run(&["backup", "backup.db"], ""));
    client.revoke_token(&tokens.token).await.unwrap();
    drop(client);
    let (_, _, folder) = server.stop();
    fs::copy(folder.path().join("backup.db"), folder.path().join("countersign.db")).unwrap();
    assert!(refused_start(folder.path(), &[]).contains("`countersign fence`"));
    // Nor is it of use to what was made before there was a mark.
    let number = Database::of(folder.path())
        .query_number("SELECT COUNT(*) FROM schema_migrations WHERE min_reader = 13")
        .await;
    assert_eq!(number, 1);
    // Behind a symbolic link as well, and a restore beside nothing needs no --replace.
    fs::remove_file(folder.path().join("countersign.db")).unwrap();
    said_yes(&ask(folder.path(), &["restore", "backup.db"]));
    assert!(refused_start(folder.path(), &[]).contains("`countersign fence`"));
    said_yes(&ask(folder.path(), &["fence", "--yes"]));
    let server = Binary::start_in(folder, &[]);
    let client = server.client().await;
    client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err();
    client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
    let number =
        server.database().query_number("SELECT COUNT(*) FROM schema_migrations WHERE min_reader = 13").await;
    assert_eq!(number, 0, "an earlier version may go on with it");
    server.stop();
}

#[test]
fn what_is_damaged_is_replaced_and_what_is_no_backup_is_not_taken() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let server = Binary::start(&[]);
    said_yes(&server.run(&["backup", "backup.db"], ""));
    let (_, _, folder) = server.stop();
    let path = |name: &str| folder.path().join(name);
    let restore = |file: &str| ask(folder.path(), &["restore", file, "--replace"]);
    assert!(said_no(1, &restore("nowhere.db")).contains("there is no database"));
    fs::write(path("text.db"), "This is no database at all. ".repeat(200)).unwrap();
    assert!(said_no(1, &restore("text.db")).contains("is not a SQLite database"));
    let mut broken = fs::read(path("backup.db")).unwrap();
    let middle = broken.len() / 2;
    broken[4096..middle].fill(0xa5);
    fs::write(path("broken.db"), &broken).unwrap();
    said_no(1, &restore("broken.db"));
    fs::write(path("empty.db"), "").unwrap();
    assert!(said_no(1, &restore("empty.db")).contains("empty.db is no database of Countersign"));
    said_yes(&ask(folder.path(), &["check"]));
    let missing = ask(folder.path(), &["backup", "copy.db", "--database-url", "sqlite://nowhere.db"]);
    assert!(said_no(1, &missing).contains("there is no database"));

    fs::write(path("countersign.db"), "Nothing of it can be read any more. ".repeat(200)).unwrap();
    said_yes(&restore("backup.db"));
    said_yes(&ask(folder.path(), &["fence", "--yes"]));
    Binary::start_in(folder, &[]).stop();
}

#[test]
fn what_is_restored_belongs_to_whoever_had_the_database_and_a_link_to_it_stays_one() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let server = Binary::start(&[]);
    said_yes(&server.run(&["backup", "backup.db"], ""));
    let (_, _, folder) = server.stop();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("data")).unwrap();
    fs::rename(path("countersign.db"), path("data/real.db")).unwrap();
    symlink("data/real.db", path("countersign.db")).unwrap();
    // Another user's, where this one may give files away.
    let owner =
        if rustix::process::geteuid().is_root() { 65_534 } else { rustix::process::geteuid().as_raw() };
    chown(path("data/real.db"), Some(owner), None).unwrap();
    said_yes(&ask(folder.path(), &["restore", "backup.db", "--replace"]));
    assert_eq!(fs::read_link(path("countersign.db")).unwrap(), Path::new("data/real.db"));
    let restored = fs::metadata(path("data/real.db")).unwrap();
    assert_eq!((restored.uid(), restored.mode() & 0o777), (owner, 0o600));
    assert!(refused_start(folder.path(), &[]).contains("`countersign fence`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_was_read_into_another_database_is_refused_until_it_is_fenced() {
    if !on_postgres() {
        return; // It is about databases in a server.
    }
    let (server, client, [ended, living]) = serving().await;
    for arguments in [&["backup", "copy.db"][..], &["restore", "copy.db"]] {
        let said = said_no(1, &server.run(arguments, ""));
        assert!(said.contains("pg_dump") && said.contains("`countersign fence`"), "{said}");
    }
    let url = pass_on(server.database().url());
    client.revoke_token(&ended.token).await.unwrap();
    client.greet(Credentials::Bearer(&living.token)).await.unwrap();
    drop(client);
    let (_, _, folder) = server.stop();
    let key = master_key_file(folder.path());
    let there = ["--database-url", &url, "--master-key-file", key.to_str().unwrap()];
    let refusal = refused_start(folder.path(), &there);
    assert!(refusal.contains("is a copy") && refusal.contains("`countersign fence`"), "{refusal}");
    said_yes(&ask(folder.path(), &[&["fence", "--yes"], &there[..]].concat()));
    let server = Binary::start_in(folder, &there);
    let client = server.client().await;
    for tokens in [&ended, &living] {
        client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err();
        let refusal = client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err();
        assert_eq!(refusal, unauthenticated("TOKEN_INVALID"));
    }
    client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
    server.stop();
}

/// Reads a dump of a database into another one. The URL of that.
fn pass_on(url: &str) -> String {
    let postgres = Postgres::shared().unwrap();
    let copy = postgres.create_database();
    let dump = Command::new(postgres.program("pg_dump")).args(["-Fc", url]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), dump.stdout).unwrap();
    let read = Command::new(postgres.program("pg_restore")).args(["-d", &copy]).arg(file.path()).output();
    let read = read.unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    copy
}
