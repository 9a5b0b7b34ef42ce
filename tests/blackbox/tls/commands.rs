//! Starting with TLS, and the commands that ask such a server.

use std::process::Output;

use tempfile::TempDir;

use super::kit::{Authority, Pair, put, self_signed};
use crate::harness::{Binary, PASSWORD, countersign, run, said_no, said_yes};

const PAIR: [&str; 4] = ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"];

/// A folder with a server's files.
fn folder(pair: &Pair) -> TempDir {
    let folder = TempDir::new().unwrap();
    put(folder.path(), "cert.pem", &pair.cert);
    put(folder.path(), "key.pem", &pair.key);
    folder
}

#[test]
fn a_start_that_cannot_be_names_the_file_or_the_setting() {
    let folder = folder(&self_signed());
    put(folder.path(), "other.pem", &self_signed().key);
    let cases: [(&[&str], i32, &str); 9] = [
        (&PAIR[..2], 2, "--tls-cert-file: needs --tls-key-file beside it"),
        (&PAIR[2..], 2, "--tls-key-file: needs --tls-cert-file beside it"),
        (&["--tls-client-ca-file", "ca.pem"], 2, "--tls-client-ca-file: needs --tls-cert-file"),
        (&["--tls-client-certificates", "optional"], 2, "needs --tls-client-ca-file beside it"),
        (&["--admin-client-certificate"], 2, "--admin-client-certificate: needs --tls-client-ca-file"),
        (
            &["--tls-cert-file", "none.pem", PAIR[2], PAIR[3]],
            1,
            "none.pem is missing: say with --tls-cert-file",
        ),
        (&[PAIR[0], PAIR[1], "--tls-key-file", "other.pem"], 1, "other.pem does not belong to"),
        (&["--tls-cert-file", "key.pem", PAIR[2], PAIR[3]], 1, "key.pem does not hold certificates"),
        (
            &[&PAIR[..], &["--tls-client-ca-file", "key.pem"]].concat(),
            1,
            "key.pem does not hold certificates",
        ),
    ];
    for (arguments, code, expected) in cases {
        let mut command = countersign(folder.path());
        let said = said_no(code, &run(command.args(["--listen", "127.0.0.1:0"]).args(arguments), ""));
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(!folder.path().join("countersign.db").exists(), "nothing was made");
}

#[test]
fn with_tls_it_listens_beyond_this_machine() {
    let folder = folder(&self_signed());
    let start = |cert| {
        let mut command = countersign(folder.path());
        command.args(["--listen", "0.0.0.0:0", "--tls-cert-file", cert, "--tls-key-file", "none.pem"]);
        said_no(1, &run(&mut command, ""))
    };
    // The settings are in order; only then are the files looked for.
    assert!(start("cert.pem").contains("none.pem is missing"));
    let mut command = countersign(folder.path());
    let said = said_no(2, &run(command.args(["--listen", "0.0.0.0:0"]), ""));
    assert!(said.contains("--tls-cert-file") && said.contains("--insecure"), "{said}");
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let expired = Authority::new("ours").sign(|params| params.not_after = rcgen::date_time_ymd(2025, 6, 1));
    let server = Binary::start_in(folder(&expired), &PAIR);
    let (_, log, _folder) = server.stop();
    assert!(log.contains("the TLS certificate in cert.pem has expired"), "{log}");
    assert!(!log.contains("PRIVATE"), "{log}");
}

/// A server that asks its clients for certificates, and what a command needs to ask it.
struct Scene {
    server: Binary,
}

impl Scene {
    fn open() -> Self {
        let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
        let folder = folder(&servers.of_server());
        let client = clients.of_client("root's laptop");
        for (name, content) in [
            ("servers.pem", servers.pem()),
            ("clients.pem", clients.pem()),
            ("client.pem", client.cert),
            ("client.key", client.key),
        ] {
            put(folder.path(), name, &content);
        }
        let server =
            Binary::start_in(folder, &[&PAIR[..], &["--tls-client-ca-file", "clients.pem"]].concat());
        let cheap = ["--argon2-memory-kib", "64", "--argon2-passes", "1"];
        let admin = [&["user", "create", "--username", "root", "--role", "admin"][..], &cheap].concat();
        said_yes(&server.run(&admin, PASSWORD));
        Self { server }
    }

    fn ask(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = countersign(self.server.folder.path());
        command.args(arguments).env("COUNTERSIGN_SERVER", format!("https://{}", self.server.address));
        run(&mut command, input)
    }
}

const BELIEVE: [&str; 2] = ["--ca-file", "servers.pem"];
const SHOW: [&str; 4] = ["--client-cert-file", "client.pem", "--client-key-file", "client.key"];

#[test]
fn commands_ask_a_server_over_tls() {
    let scene = Scene::open();
    let with = |command: &[&'static str]| [command, &BELIEVE, &SHOW].concat();
    assert_eq!(said_yes(&scene.ask(&with(&["healthcheck"]), "")), "SERVING\n");
    let token = said_yes(&scene.ask(&with(&["token", "issue", "--username", "root"]), PASSWORD));
    let mut command = countersign(scene.server.folder.path());
    // Everything by variables, and by another name than the URL's.
    command.args(["user", "list"]).env("COUNTERSIGN_TOKEN", token.trim());
    command.env("COUNTERSIGN_SERVER_NAME", "auth.test");
    command.env("COUNTERSIGN_SERVER", format!("https://{}", scene.server.address));
    command.env("COUNTERSIGN_CA_FILE", "servers.pem");
    command
        .env("COUNTERSIGN_CLIENT_CERT_FILE", "client.pem")
        .env("COUNTERSIGN_CLIENT_KEY_FILE", "client.key");
    let listed = said_yes(&run(&mut command, ""));
    assert!(listed.contains("root"), "{listed}");
}

#[test]
fn what_is_missing_for_tls_is_said() {
    let scene = Scene::open();
    let said = |code, more: &[&str]| said_no(code, &scene.ask(&[&["healthcheck"], more].concat(), ""));
    let stranger = said(1, &[&SHOW[..], &["--ca-file", "clients.pem"]].concat());
    assert!(stranger.contains("is not believed") && stranger.contains("--ca-file"), "{stranger}");
    let other_name = said(1, &[&BELIEVE[..], &SHOW, &["--server-name", "else.test"]].concat());
    assert!(other_name.contains("is not believed") && other_name.contains("--server-name"), "{other_name}");
    let bare = said(1, &BELIEVE);
    assert!(bare.contains("asks for a client certificate: give --client-cert-file"), "{bare}");
    for (more, expected) in [
        (&["--ca-file", "none.pem"][..], "--ca-file: the file none.pem cannot be read"),
        (&["--ca-file", "client.key"], "--ca-file: the file client.key does not hold certificates"),
        (&SHOW[..2], "--client-cert-file: a certificate to show and its key are two files"),
        (&["--server", "https://"], "--server: must be a URL"),
    ] {
        let said = said(2, more);
        assert!(said.contains(expected), "{said}");
    }
}
