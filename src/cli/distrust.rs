//! Why a certificate is not believed, the server's or the one that a command shows, and what helps: the library says it in
//! names of a program.

use crate::config::{CA_FILE_VARIABLE, SERVER_NAME_VARIABLE};

/// What the library puts in front of what the other side has said.
const ALERT: &str = "received fatal alert: ";

/// The sentence for a server's certificate, by the library's name for what is wrong; `None` if that is no certificate's.
pub(super) fn of_server(cause: &str) -> Option<String> {
    let says = |name| cause.contains(name);
    if !says("certificate") {
        return None;
    }
    let by_ca_file = format!("with --ca-file or {CA_FILE_VARIABLE}");
    Some(if says("UnknownIssuer") {
        format!(
            "no authority that is believed vouches for its certificate. Name the file of the one that does {by_ca_file}"
        )
    } else if says("not valid for name") {
        format!(
            "its certificate is for another name. If that is the right one, say it with --server-name or \
             {SERVER_NAME_VARIABLE}"
        )
    } else if says("expired") || says("not valid yet") {
        "its certificate is not valid at this time. Give it another one, or set the clock of this machine right".to_owned()
    } else if says("CaUsedAsEndEntity") {
        format!(
            "it shows the certificate of an authority, which no server may show as its own. Give it one without CA:TRUE, and \
             name that of its authority {by_ca_file}"
        )
    } else {
        format!("its certificate cannot be checked. Say who vouches for it {by_ca_file}")
    })
}

/// The sentence for a command's own certificate, by the library's name for what the server has said of it; `None` if it has
/// said nothing of that.
pub(super) fn of_client(cause: &str) -> Option<&'static str> {
    let (_, alert) = cause.split_once(ALERT)?;
    if alert == "CertificateRequired" {
        return Some("asks for a client certificate: give --client-cert-file and --client-key-file");
    }
    let refused = ["UnknownCA", "BadCertificate", "UnsupportedCertificate", "DecryptError"];
    (refused.contains(&alert) || alert.starts_with("Certificate")).then_some(
        "does not take the client certificate that it was shown: give one of an authority that it believes with \
         --client-cert-file and --client-key-file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_sentence_and_no_name_of_a_program() {
        for (cause, expected) in [
            ("invalid peer certificate: UnknownIssuer", "--ca-file or COUNTERSIGN_CA_FILE"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for \
                 DnsName(\"b\")",
                "--server-name or COUNTERSIGN_SERVER_NAME",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 5 (UNIX), but",
                "not valid at this time",
            ),
            ("invalid peer certificate: certificate not valid yet: verification", "not valid at this time"),
            ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "CA:TRUE"),
            ("invalid peer certificate: BadEncoding", "cannot be checked"),
        ] {
            let said = of_server(cause).unwrap();
            assert!(said.contains(expected), "{said}");
            assert!(
                !said.contains("Other") && !said.contains("(UNIX)") && !said.contains("UnknownIssuer"),
                "{said}"
            );
        }
        assert_eq!(of_server("connection refused"), None);
    }

    #[test]
    fn what_a_server_says_of_a_clients_certificate_has_a_sentence() {
        let of = |alert: &str| of_client(&format!("received fatal alert: {alert}"));
        assert!(of("CertificateRequired").unwrap().starts_with("asks for a client certificate"));
        for alert in
            ["UnknownCA", "BadCertificate", "CertificateExpired", "CertificateUnknown", "DecryptError"]
        {
            assert!(of(alert).unwrap().starts_with("does not take the client certificate"), "{alert}");
        }
        for cause in ["received fatal alert: HandshakeFailure", "connection refused"] {
            assert_eq!(of_client(cause), None);
        }
    }
}
