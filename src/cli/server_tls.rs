//! How a command speaks TLS with a server: whose certificates it believes, and which one it shows.

use std::fs::{self, File};
use std::io::{self, Read};

use clap::Arg;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use zeroize::Zeroizing;

use super::given::Given;
use crate::config::{CA_FILE_VARIABLE, CLIENT_CERT_VARIABLES, SERVER_NAME_VARIABLE};
use crate::server::exposing_mode;

/// More than the list of authorities of a whole system has.
const MOST_BYTES: u64 = 1 << 20;

/// What every certificate in PEM begins with.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A file that was named, and by what.
struct Named {
    place: &'static str,
    path: String,
}

/// The arguments of a command that asks a server.
pub(super) fn arguments() -> [Arg; 4] {
    let [cert, key] = CLIENT_CERT_VARIABLES;
    let argument = |name: &'static str, value, help| Arg::new(name).long(name).value_name(value).help(help);
    [
        argument(
            "ca-file",
            "PATH",
            format!(
                "For https://, the certificates in PEM that vouch for the server, instead of the system's authorities and of \
                 the variable {CA_FILE_VARIABLE}"
            ),
        ),
        argument(
            "server-name",
            "NAME",
            "For https://, the name that the server's certificate is for, if it is not the one in the URL"
                .to_owned(),
        ),
        argument(
            "client-cert-file",
            "PATH",
            format!("For https://, the certificate to show, in PEM, instead of the variable {cert}"),
        ),
        argument(
            "client-key-file",
            "PATH",
            format!("For https://, the private key of that certificate, instead of the variable {key}"),
        ),
    ]
}

/// What was given of them. What is wrong with it is noted.
pub(super) fn read(given: &mut Given) -> Option<ClientTlsConfig> {
    let [cert_variable, key_variable] = CLIENT_CERT_VARIABLES;
    let mut tls = ClientTlsConfig::new();
    tls = match named(given, "ca-file", "--ca-file", CA_FILE_VARIABLE) {
        Some(file) => tls.ca_certificate(Certificate::from_pem(certificates(given, &file)?)),
        None => tls.with_native_roots(),
    };
    let by_variable = || given.variables.get(SERVER_NAME_VARIABLE).filter(|name| !name.is_empty()).cloned();
    if let Some(name) = given.text("server-name").or_else(by_variable) {
        tls = tls.domain_name(name);
    }
    let cert = named(given, "client-cert-file", "--client-cert-file", cert_variable);
    let key = named(given, "client-key-file", "--client-key-file", key_variable);
    match (cert, key) {
        (None, None) => Some(tls),
        (Some(cert), Some(key)) => {
            let (cert, key) = (certificates(given, &cert), private_key(given, &key));
            Some(tls.identity(Identity::from_pem(cert?, &*key?)))
        }
        (Some(alone), None) | (None, Some(alone)) => {
            given
                .problems
                .add(alone.place, "a certificate to show and its key are two files; the other is not named");
            None
        }
    }
}

fn named(given: &Given, flag: &str, place: &'static str, variable: &'static str) -> Option<Named> {
    let by_flag = given.text(flag).map(|path| Named { place, path });
    let by_variable = || given.variables.get(variable).filter(|path| !path.is_empty());
    by_flag.or_else(|| by_variable().map(|path| Named { place: variable, path: path.clone() }))
}

fn certificates(given: &mut Given, file: &Named) -> Option<Vec<u8>> {
    let bytes = read_file(&file.path).and_then(|bytes| {
        let found = bytes.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE);
        found
            .then_some(bytes)
            .ok_or_else(|| format!("the file {} does not hold certificates in PEM", file.path))
    });
    noted(given, file, bytes)
}

fn private_key(given: &mut Given, file: &Named) -> Option<Zeroizing<Vec<u8>>> {
    let bytes =
        fs::metadata(&file.path).map_err(|error| unreadable(&file.path, &error)).and_then(|metadata| {
            match exposing_mode(&metadata) {
                Some(mode) => Err(format!(
                    "the file {} can be read by others (mode {mode:o}): run chmod 600 on it",
                    file.path
                )),
                None => read_file(&file.path).map(Zeroizing::new),
            }
        });
    noted(given, file, bytes)
}

fn noted<T>(given: &mut Given, file: &Named, read: Result<T, String>) -> Option<T> {
    read.map_err(|problem| given.problems.add(file.place, problem)).ok()
}

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

fn unreadable(path: &str, error: &io::Error) -> String {
    format!("the file {path} cannot be read: {error}")
}
