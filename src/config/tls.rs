//! The settings of TLS: what belongs together, and where plaintext may be spoken.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Problems, Values, values};
use crate::transport::{ClientAuthorities, TlsConfig};

/// What is spoken on the wire.
pub(super) struct Wire {
    /// TLS, unless plaintext is spoken.
    pub(super) tls: Option<TlsConfig>,
    /// Whether AdminService asks for a client certificate.
    pub(super) admin_client_certificate: bool,
}

pub(super) fn wire(values: &Values, problems: &mut Problems, listen: Option<SocketAddr>) -> Option<Wire> {
    let insecure = switch(values, problems, "insecure");
    let admin_client_certificate = switch(values, problems, "admin-client-certificate");
    let cert_file = file(values, problems, "tls-cert-file");
    let key_file = file(values, problems, "tls-key-file");
    let clients = clients(values, problems);
    let given = |name| values.is_explicit(name);
    for (name, given, needed) in [
        ("--tls-cert-file", given("tls-cert-file"), "tls-key-file"),
        ("--tls-key-file", given("tls-key-file"), "tls-cert-file"),
        ("--tls-client-ca-file", given("tls-client-ca-file"), "tls-cert-file"),
        ("--tls-client-certificates", given("tls-client-certificates"), "tls-client-ca-file"),
        ("--admin-client-certificate", admin_client_certificate == Some(true), "tls-client-ca-file"),
    ] {
        if given && !values.is_explicit(needed) {
            problems.add_setting(name, format!("needs --{needed} beside it"));
        }
    }
    let exposed = listen.is_some_and(|address| !address.ip().to_canonical().is_loopback());
    if exposed && insecure == Some(false) && !given("tls-cert-file") && !given("tls-key-file") {
        problems.add_setting(
            "--listen",
            "passwords and tokens would travel in plaintext beyond this machine; give --tls-cert-file and --tls-key-file, \
             listen on a loopback address behind something that speaks TLS, or say --insecure",
        );
    }
    let pair = cert_file.zip(key_file);
    let tls = pair.map(|(cert_file, key_file)| TlsConfig { cert_file, key_file, clients });
    Some(Wire { tls, admin_client_certificate: admin_client_certificate? })
}

fn clients(values: &Values, problems: &mut Problems) -> Option<ClientAuthorities> {
    let required = values.read("tls-client-certificates", problems, |text| {
        values::word(text, &[("required", true), ("optional", false)])
    });
    let file = file(values, problems, "tls-client-ca-file");
    Some(ClientAuthorities { file: file?, required: required? })
}

fn file(values: &Values, problems: &mut Problems, name: &str) -> Option<PathBuf> {
    values.read(name, problems, |text| match text {
        "" => Err("must name a file".to_owned()),
        path => Ok(PathBuf::from(path)),
    })
}

pub(super) fn switch(values: &Values, problems: &mut Problems, name: &str) -> Option<bool> {
    values.read(name, problems, |text| values::word(text, &[("true", true), ("false", false)]))
}
