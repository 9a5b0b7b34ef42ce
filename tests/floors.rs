//! The house: arrows between modules point down, libraries stay on the floors that name them, files stay small. Reads
//! the sources as text, so that a forbidden arrow is a failing test with a file and a line.

#![expect(clippy::unwrap_used, reason = "an unwrap that fails is how a test says what went wrong")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Every top-level module and what it may use. A module that is not in here may not exist.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["config", "server", "telemetry", "auth", "crypto", "store", "domain", "pb"]),
    ("config", &["web", "server", "telemetry", "transport", "auth", "crypto", "store", "domain"]),
    ("server", &["web", "rest", "grpc", "transport", "auth", "crypto", "store", "domain"]),
    ("telemetry", &[]),
    ("web", &["rest", "transport"]),
    // Of grpc, what a wire can ask of the door and no client can, and what the description says of the cookie; of domain, the
    // setting by which a description differs.
    ("rest", &["grpc", "transport", "domain", "pb"]),
    ("grpc", &["transport", "auth", "domain", "pb"]),
    ("transport", &["domain"]),
    ("auth", &["crypto", "store", "domain"]),
    ("crypto", &["domain"]),
    ("store", &["domain"]),
    ("domain", &[]),
    ("pb", &[]),
];

/// Which modules may name a library; all others may not.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("tonic", &["web", "rest", "grpc", "transport", "server", "cli", "pb"]),
    ("tonic_health", &["grpc", "cli"]),
    ("tonic_reflection", &["grpc"]),
    ("tonic_types", &["rest", "grpc", "cli"]),
    ("prost_reflect", &["rest"]),
    ("prost_types", &["rest", "grpc", "cli"]),
    ("http", &["web", "rest", "grpc", "transport"]),
    ("http_body", &["web", "rest", "grpc", "transport"]),
    ("futures_util", &["rest", "grpc", "transport", "store"]),
    ("hyper", &["transport"]),
    ("hyper_util", &["transport"]),
    ("tower_http", &["web"]),
    ("tower_layer", &["web"]),
    ("tonic_web", &["web"]),
    ("tower_service", &["web", "rest", "grpc", "transport"]),
    ("sea_orm", &["store"]),
    ("sea_orm_migration", &["store"]),
    ("countersign_migration", &["store"]),
    ("sqlx", &["store"]),
    ("tokio_rustls", &["transport"]),
    ("x509_cert", &["transport"]),
    ("argon2", &["crypto"]),
    ("ed25519_dalek", &["crypto"]),
    ("chacha20", &["crypto"]),
    ("blake2", &["crypto"]),
    ("zxcvbn", &["crypto"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("unicode_width", &["cli"]),
    ("toml", &["config"]),
    ("getrandom", &["server"]),
];

/// Longer files own more than one noun.
const MAX_LINES: usize = 400;

#[test]
fn arrows_between_modules_point_down() {
    let found = violations(|module, line, report| {
        let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else { return report("is not a module of the house") };
        for used in crate_modules(line) {
            if used != module && !allowed.contains(&used.as_str()) {
                report(&format!("{module} may not use {used}"));
            }
        }
    });
    assert!(found.is_empty(), "{found}");
}

#[test]
fn libraries_stay_on_their_floors() {
    let found = violations(|module, line, report| {
        for (library, floors) in LIBRARIES {
            if !floors.contains(&module) && names_library(line, library) {
                report(&format!("{module} may not name {library}"));
            }
        }
    });
    assert!(found.is_empty(), "{found}");
}

#[test]
fn files_stay_small() {
    for root in ["src", "client/src", "verify/src", "migration/src", "tests"] {
        for path in sources(&package().join(root)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines: does it own one noun?", path.display());
        }
    }
}

/// The check itself: it has to see each way of writing a path.
#[test]
fn the_check_sees_every_way_of_writing_a_path() {
    assert_eq!(crate_modules("use crate::store::Store;"), ["store"]);
    assert_eq!(crate_modules("pub(super) use crate::{auth::Error, store};"), ["auth", "store"]);
    assert_eq!(crate_modules("let x = crate::pb::DESCRIPTOR_SET;"), ["pb"]);
    assert_eq!(crate_modules("use countersign::cli;"), ["cli"]);
    assert!(crate_modules("//! crate::store is not used here").is_empty());
    assert!(names_library("use http::HeaderMap;", "http"));
    assert!(names_library("    ::tonic::Status", "tonic"));
    assert!(!names_library("use hyper::http_thing;", "http"));
    assert!(!names_library("use my_http::x;", "http"));
    assert!(!names_library("// http::HeaderMap", "http"));
}

fn violations(check: impl Fn(&str, &str, &mut dyn FnMut(&str))) -> String {
    let mut found = String::new();
    for path in sources(&package().join("src")) {
        let relative = path.strip_prefix(package().join("src")).unwrap().to_owned();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        if module == "lib" {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            check(&module, line, &mut |violation| {
                writeln!(found, "src/{}:{}: {violation}", relative.display(), number + 1).unwrap();
            });
        }
    }
    found
}

/// The modules of this crate that a line names.
fn crate_modules(line: &str) -> Vec<String> {
    let code = code_of(line);
    let mut modules = Vec::new();
    for prefix in ["crate::", "countersign::"] {
        for (at, _) in code.match_indices(prefix) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            let names = match rest.strip_prefix('{') {
                Some(group) => group.split(',').collect(),
                None => vec![rest],
            };
            modules.extend(names.into_iter().map(identifier).filter(|name| !name.is_empty()));
        }
    }
    modules
}

fn names_library(line: &str, library: &str) -> bool {
    let code = code_of(line);
    let path = format!("{library}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].strip_suffix("::").unwrap_or(&code[..at]);
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn identifier(text: &str) -> String {
    text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
