//! The command line: settings, and the commands beside `serve`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use countersign::config::SETTINGS;
use tempfile::TempDir;

use crate::harness::{Binary, Credentials, PASSWORD, countersign, on_postgres, run, said_no};

const CHEAP: [&str; 4] = ["--argon2-memory-kib", "64", "--argon2-passes", "1"];

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn everything_that_is_wrong_is_said_at_once_by_name_and_without_values() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("c.toml"), "token_lifetme = \"5m\"\npeer_rate = \"secret-in-file\"\n")
        .unwrap();
    let mut command = countersign(folder.path());
    command
        .args(["--lisen", "127.0.0.1:1", "--log-level=loud", "--config", "c.toml", "--frobnicate"])
        .args(["--database-url", "postgres://user:hunter2@db"])
        .env("COUNTERSIGN_TOKEN_LIFETIME", "hunter2 minutes");
    let output = run(&mut command, "");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("countersign: the settings cannot be used:\n"), "{said}");
    for name in [
        "--lisen",
        "--frobnicate",
        "--log-level",
        "--database-url",
        "COUNTERSIGN_TOKEN_LIFETIME",
        "\"token_lifetme\"",
        "peer_rate",
    ] {
        assert!(said.contains(name), "{name} is missing: {said}");
    }
    assert!(!said.contains("hunter2") && !said.contains("secret-in-file"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn the_words_of_the_help_are_those_that_a_setting_may_be() {
    let folder = TempDir::new().unwrap();
    let with_words: Vec<_> = SETTINGS.iter().filter(|setting| setting.words().next().is_some()).collect();
    assert_eq!(with_words.len(), 9);
    let mut command = countersign(folder.path());
    command.args(with_words.iter().map(|setting| format!("--{}=hunter2", setting.name)));
    let said = said_no(2, &run(&mut command, ""));
    for setting in with_words {
        let words = setting.words().collect::<Vec<_>>().join(", ");
        assert!(said.contains(&format!("--{}: must be one of {words}\n", setting.name)), "{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_flag_wins_over_its_variable_and_the_variable_over_the_file() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("c.toml"), "log_level = \"bad-file\"\nissuer = \"bad file\"\n").unwrap();
    let mut command = countersign(folder.path());
    command
        .args(["--config", "c.toml", "--log-level", "bad-flag"])
        .env("COUNTERSIGN_LOG_LEVEL", "bad-variable")
        .env("COUNTERSIGN_ISSUER", "bad variable");
    let said = stderr(&run(&mut command, ""));
    assert!(said.contains("--log-level: must be"), "{said}");
    assert!(said.contains("COUNTERSIGN_ISSUER: must be"), "{said}");
    assert!(!said.contains("configuration file"), "{said}");
}

#[test]
fn the_help_has_every_setting_and_every_command() {
    let folder = TempDir::new().unwrap();
    let help = stdout(&run(countersign(folder.path()).arg("--help"), ""));
    for setting in &SETTINGS {
        assert!(
            help.contains(&format!("--{} ", setting.name)) || help.contains(&format!("--{}[", setting.name)),
            "{help}"
        );
    }
    for command in
        ["serve", "user", "session", "event", "token", "key", "master-key", "healthcheck", "completions"]
    {
        assert!(help.contains(&format!("\n  {command}")), "{help}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_variable_and_cheap_hashes_are_warnings() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("c.toml"), "token_lifetime = \"5m\"\n").unwrap();
    let server = Binary::start_in(folder, &["--config", "c.toml"]);
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let issued = client.issue(Credentials::Basic("alice", PASSWORD), Default::default()).await.unwrap();
    assert_eq!(issued.duration.unwrap().seconds, 300);
    let (_, log, folder) = server.stop();
    assert!(log.contains("cheaper than OWASP asks for"), "{log}");

    let mut command = countersign(folder.path());
    command
        .args(["--listen", "127.0.0.1:0", "--database-url", "sqlite:///nowhere/x.db"])
        .env("COUNTERSIGN_LISTNE", "x")
        // Those of the commands that ask a server.
        .env("COUNTERSIGN_SERVER", "http://127.0.0.1:50051")
        .env("COUNTERSIGN_TOKEN", "v4.public.x");
    let said = stderr(&run(&mut command, ""));
    assert!(said.contains("COUNTERSIGN_LISTNE is not a setting"), "{said}");
    assert_eq!(said.matches("is not a setting").count(), 1, "{said}");
}

#[test]
fn a_start_that_cannot_be_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let not_a_database = folder.path().join("text.db");
    fs::write(
        &not_a_database,
        "this is a text of more than a hundred characters, which no database is, ".repeat(20),
    )
    .unwrap();
    let not_a_database = format!("sqlite://{}", not_a_database.display());
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--listen", &taken], 1, "choose another with --listen"),
        (&["--listen", "0.0.0.0:0"], 2, "--insecure"),
        (&["--listen", "127.0.0.1:0", "--database-url", "sqlite:///nowhere/x.db"], 1, "/nowhere"),
        (&["--listen", "127.0.0.1:0", "--database-url", &not_a_database], 1, "is not a SQLite database"),
        (&["--listen", "127.0.0.1:0", "--database-url", "sqlite::memory:"], 2, "--database-url"),
        (&["--listen", "nowhere"], 2, "--listen"),
        (&["--argon2-passes", "32", "--argon2-memory-kib", "1048576"], 2, "--argon2-passes"),
        (&["--config", "nope.toml"], 2, "nope.toml"),
    ];
    for (arguments, code, expected) in cases {
        let output = run(countersign(folder.path()).args(arguments), "");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_of_another_program_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("other.db").display());
    let database = sea_orm::Database::connect(url).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&database, "CREATE TABLE users (x)").await.unwrap();
    database.close().await.unwrap();
    let before = fs::read(folder.path().join("other.db")).unwrap().len();
    let mut command = countersign(folder.path());
    command.args(CHEAP).args(["--listen", "127.0.0.1:0", "--database-url", "sqlite://other.db"]);
    let output = run(&mut command, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("belongs to another program"), "{}", stderr(&output));
    assert_eq!(fs::read(folder.path().join("other.db")).unwrap().len(), before);
}

#[test]
fn a_master_key_that_is_gone_foreign_or_exposed_stops_the_start() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let server = Binary::start(&[]);
    let (_, _, folder) = server.stop();
    let key = folder.path().join("countersign.key");
    let original = fs::read_to_string(&key).unwrap();
    let start = || {
        let output = run(countersign(folder.path()).args(["--listen", "127.0.0.1:0"]).args(CHEAP), "");
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(start().contains("chmod 600"), "{}", start());
    fs::remove_file(&key).unwrap();
    assert!(start().contains("--master-key-file"), "{}", start());
    assert!(!key.exists(), "a new key would not open what the old one wrapped");

    let other = stdout(&run(countersign(folder.path()).args(["master-key", "new"]), ""));
    fs::write(&key, &other).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let said = start();
    assert!(said.contains("k4.lid.") && !said.contains(other.trim()), "{said}");

    fs::write(&key, original).unwrap();
    let (status, log, _folder) = Binary::start_in(folder, &[]).stop();
    assert!(status.success(), "{log}");
}

#[test]
fn a_new_master_key_is_one_line_and_another_each_time() {
    let folder = TempDir::new().unwrap();
    let print = || stdout(&run(countersign(folder.path()).args(["master-key", "new"]), ""));
    let (one, other) = (print(), print());
    assert!(one.starts_with("k4.local.") && one.ends_with('\n') && one.lines().count() == 1, "{one}");
    assert_ne!(one, other);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_admin_is_made_on_the_command_line() {
    let server = Binary::start(&["--registration", "closed"]);
    let create = |arguments: &[&str], password: &str| {
        let all = [&["user", "create"], arguments, &CHEAP[..]].concat();
        server.run(&all, password)
    };
    let made =
        create(&["--username", "root", "--role", "admin", "--role", "service"], &format!("{PASSWORD}\n"));
    assert!(made.status.success(), "{}", stderr(&made));
    let database = if on_postgres() { "postgres://127.0.0.1:" } else { "sqlite://countersign.db\n" };
    assert!(stdout(&made).contains(&format!("root [admin,service] in {database}")), "{}", stdout(&made));
    assert!(!stderr(&made).contains("new database"), "{}", stderr(&made));

    let client = server.client().await;
    let caller = client.caller(Credentials::Basic("root", PASSWORD)).await;
    assert_eq!(caller.roles, ["admin", "service"]);
    let token = client.sign_in("root", PASSWORD).await;
    client.create_user_as(Credentials::Bearer(&token), "alice", PASSWORD).await.unwrap();

    for (arguments, password, code, expected) in [
        (&["--username", "ROOT"][..], PASSWORD, 1, "taken"),
        (&["--username", "a b"], PASSWORD, 2, "--username"),
        (&["--username", "bob"], "short", 1, "password"),
        (&["--username", "bob"], "", 1, "no password"),
        (&["--username", "bob", "--role", "Not A Role"], PASSWORD, 2, "--role"),
        (&["--role", "admin"], PASSWORD, 2, "--username"),
    ] {
        let refused = create(arguments, password);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?} {}", stderr(&refused));
        let said = stderr(&refused);
        assert!(
            said.contains(expected) && (password.is_empty() || !said.contains(password)),
            "{arguments:?} {said}"
        );
    }
}

/// In the wrong folder, for a server that will never see it.
#[test]
fn a_user_that_is_made_where_no_database_was_is_told_so() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let folder = TempDir::new().unwrap();
    let create = |name: &str, password: &str| {
        let arguments = [&["user", "create", "--username", name], &CHEAP[..]].concat();
        run(countersign(folder.path()).args(arguments), password)
    };
    let file = folder.path().canonicalize().unwrap().join("countersign.db");
    let told = format!("countersign: {} is a new database: there was none", file.display());
    let made = create("root", PASSWORD);
    assert!(made.status.success() && stderr(&made).lines().any(|line| line == told), "{}", stderr(&made));
    assert!(stdout(&made).ends_with("in sqlite://countersign.db\n"), "{}", stdout(&made));
    let again = create("alice", PASSWORD);
    assert!(again.status.success() && !stderr(&again).contains("new database"), "{}", stderr(&again));

    fs::remove_file(&file).unwrap();
    let refused = create("bob", "short");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).lines().any(|line| line == told),
        "it is there all the same: {}",
        stderr(&refused)
    );
}

#[test]
fn the_public_keys_are_listed_for_people_and_for_programs() {
    let server = Binary::start(&[]);
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&server.run(&["key", "list", "--json"], ""))).unwrap();
    let key = &json["keys"][0];
    assert!(key["key"].as_str().unwrap().starts_with("k4.public."));
    assert!(key["keyId"].as_str().unwrap().starts_with("k4.pid."));
    assert_eq!(key["state"], "KEY_STATE_ACTIVE");
    assert!(key["signFrom"].as_str().unwrap().ends_with('Z'));
    let table = stdout(&server.run(&["key", "list"], ""));
    assert!(table.starts_with("STATE") && table.contains(key["key"].as_str().unwrap()), "{table}");
    assert!(!table.contains("secret"), "{table}");

    let elsewhere = TempDir::new().unwrap();
    let missing = run(countersign(elsewhere.path()).args(["key", "list"]), "");
    assert_eq!(missing.status.code(), Some(1));
    let said = if on_postgres() { "there are no keys yet" } else { "there is no database" };
    assert!(stderr(&missing).contains(said), "{}", stderr(&missing));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthcheck_tells_serving_from_not() {
    let server = Binary::start(&[]);
    // A first answer, so that the readiness behind it has been asked for.
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let url = format!("http://{}", server.address);
    let check =
        |arguments: &[&str]| server.run(&[&["healthcheck", "--server", &url], arguments].concat(), "");
    assert_eq!(stdout(&check(&["--service", "liveness"])).trim(), "SERVING");
    let said = said_no(1, &check(&["--service", "nothing"]));
    assert!(said.contains(&url) && said.contains("(SERVICE_UNKNOWN)"), "{said}");
    let elsewhere = ["healthcheck", "--server", "http://127.0.0.1:1"];
    let said = said_no(1, &server.run(&elsewhere, ""));
    assert!(said.contains("http://127.0.0.1:1 cannot be reached: "), "{said}");

    // As for every command with --server, which wins over the variable.
    let asked_by_variable = |url: &str, arguments: &[&str]| {
        run(countersign(server.folder.path()).args(arguments).env("COUNTERSIGN_SERVER", url), "")
    };
    assert_eq!(stdout(&asked_by_variable(&url, &["healthcheck"])).trim(), "SERVING");
    said_no(1, &asked_by_variable(&url, &elsewhere));
    let said = said_no(2, &asked_by_variable("nowhere", &["healthcheck"]));
    assert!(said.contains("COUNTERSIGN_SERVER: must be a URL"), "{said}");
    let address = server.address.to_string();
    for url in ["not a url", &address, &url.replace("http", "ftp"), &format!("{url}/x?y")] {
        assert_eq!(server.run(&["healthcheck", "--server", url], "").status.code(), Some(2), "{url}");
    }
    let encrypted = url.replace("http", "https");
    let said = said_no(1, &server.run(&["healthcheck", "--server", &encrypted], ""));
    assert!(said.contains(&encrypted), "{said}");
}

#[test]
fn a_healthcheck_names_the_server_that_does_not_answer_or_is_none() {
    let folder = TempDir::new().unwrap();
    let check = |url: &str| run(countersign(folder.path()).args(["healthcheck", "--server", url]), "");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    assert_eq!(said_no(1, &check(&url)), format!("countersign: {url} did not answer within 5 s\n"));

    let rude = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", rude.local_addr().unwrap());
    std::thread::spawn(move || rude.incoming().for_each(drop));
    let said = said_no(1, &check(&url));
    assert!(said.contains(&url) && !said.contains("what was asked"), "{said}");
}

/// Standard outputs that take nothing: a full disk, and a descriptor that is for reading.
fn outputs_that_take_nothing() -> [File; 2] {
    [File::options().write(true).open("/dev/full").unwrap(), File::open("/dev/null").unwrap()]
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure_unless_nobody_reads_it() {
    let folder = TempDir::new().unwrap();
    let to = |arguments: &[&str], output: Stdio| {
        let mut command = countersign(folder.path());
        command.args(arguments).stdin(Stdio::null()).stdout(output).stderr(Stdio::piped());
        command.spawn().unwrap().wait_with_output().unwrap()
    };
    for arguments in [&["master-key", "new"][..], &["completions", "bash"], &["--help"], &["--version"]] {
        for output in outputs_that_take_nothing() {
            let refused = to(arguments, output.into());
            let said = stderr(&refused);
            assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains("could not be written to standard output: "), "{arguments:?}: {said}");
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let unread = to(arguments, writer.into());
        assert_eq!((unread.status.code(), stderr(&unread).as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_service_runs_though_its_greeting_cannot_be_written() {
    for output in outputs_that_take_nothing() {
        let folder = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = countersign(folder.path());
        command.args(CHEAP).args(["--listen", &port.to_string()]).stdout(output).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let url = format!("http://{port}");
        let check = || run(countersign(folder.path()).args(["healthcheck", "--server", &url]), "");
        while stdout(&check()) != "SERVING\n" {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
