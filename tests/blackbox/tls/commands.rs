//! Starting with TLS, and the commands that ask such a server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::kit::{Authority, Pair, put, self_signed};
use crate::harness::{Binary, PASSWORD, countersign, run, said_no, said_yes, tool};

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

/// The lines in README.md, as they are printed.
#[test]
fn the_documented_certificates_work() {
    let Some(_) = tool("openssl") else { return };
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split("\n### TLS\n").nth(1).unwrap().split("\n### ").next().unwrap();
    let blocks = section.split("```\n").skip(1).step_by(2);
    let script: String = blocks.collect::<String>().replace("\\\n", " ");
    let (made, told): (Vec<_>, Vec<_>) =
        script.lines().partition(|line| line.starts_with("openssl") || line.starts_with("chmod"));
    let folder = TempDir::new().unwrap();
    let shell = ["set -e", &made.join("\n")].join("\n");
    said_yes(&run(Command::new("sh").args(["-c", &shell]).current_dir(folder.path()), ""));
    let arguments = |name: &str| -> Vec<&str> {
        let line = told.iter().find(|line| line.contains(name)).unwrap();
        line.split_whitespace().skip(1).collect()
    };
    let server = Binary::start_in(folder, &arguments("--tls-client-ca-file"));
    let mut command = countersign(server.folder.path());
    let address = format!("https://localhost:{}", server.address.port());
    command.args(arguments("healthcheck").into_iter().map(|word| match word {
        "https://localhost:50051" => &address,
        word => word,
    }));
    assert_eq!(said_yes(&run(&mut command, "")), "SERVING\n");
    server.stop();
}

#[test]
fn what_is_missing_for_tls_is_said() {
    let scene = Scene::open();
    let said = |code, more: &[&str]| said_no(code, &scene.ask(&[&["healthcheck"], more].concat(), ""));
    let stranger = said(1, &[&SHOW[..], &["--ca-file", "clients.pem"]].concat());
    assert!(
        stranger.contains("no authority that is believed") && stranger.contains("--ca-file"),
        "{stranger}"
    );
    assert!(!stranger.contains("UnknownIssuer"), "{stranger}");
    let other_name = said(1, &[&BELIEVE[..], &SHOW, &["--server-name", "else.test"]].concat());
    assert!(other_name.contains("is not believed") && other_name.contains("--server-name"), "{other_name}");
    // In plaintext, every command is told.
    let plain = format!("http://{}", scene.server.address);
    for command in [&["healthcheck"][..], &["token", "issue", "--username", "root"]] {
        let told = said_no(1, &scene.ask(&[command, &["--server", &plain]].concat(), PASSWORD));
        assert!(told.contains(&format!("speaks TLS: say https://{}", scene.server.address)), "{told}");
    }
    let stranger = Authority::new("strangers").of_client("nobody");
    put(scene.server.folder.path(), "stranger.pem", &stranger.cert);
    put(scene.server.folder.path(), "stranger.key", &stranger.key);
    let shown = ["--client-cert-file", "stranger.pem", "--client-key-file", "stranger.key"];
    let refused = said(1, &[&BELIEVE[..], &shown].concat());
    assert!(
        refused.contains("does not take the client certificate") && !refused.contains("alert"),
        "{refused}"
    );
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
