//! Why a server's certificate is not believed, and what helps: the library says it in names of a program.

use crate::config::{CA_FILE_VARIABLE, SERVER_NAME_VARIABLE};

/// What the library calls a reason, and what that means.
const REASONS: [(&str, &str); 6] = [
    ("UnknownIssuer", "no authority that is believed vouches for its certificate"),
    ("not valid for name", "its certificate is for another name"),
    ("expired", "its certificate has expired"),
    ("not valid yet", "its certificate is not valid yet"),
    ("CaUsedAsEndEntity", "it shows the certificate of an authority, which no server may show as its own"),
    ("certificate", "its certificate cannot be checked"),
];

/// The sentence for a cause that the library names; `None` if it is no certificate's.
pub(super) fn explain(cause: &str) -> Option<String> {
    let (name, meaning) =
        REASONS.into_iter().find(|(name, _)| cause.contains(name) && cause.contains("certificate"))?;
    Some(match name {
        "UnknownIssuer" => {
            format!("{meaning}. Name the file of the one that does with --ca-file or {CA_FILE_VARIABLE}")
        }
        "not valid for name" => {
            format!(
                "{meaning}. If that is the right one, say it with --server-name or {SERVER_NAME_VARIABLE}"
            )
        }
        "expired" | "not valid yet" => {
            format!("{meaning}. Give the server another one, or set the clock of this machine right")
        }
        "CaUsedAsEndEntity" => format!(
            "{meaning}. Give the server one that has no CA:TRUE, and name that of its authority with --ca-file or \
             {CA_FILE_VARIABLE}"
        ),
        _ => format!("{meaning}. Say with --ca-file or {CA_FILE_VARIABLE} who vouches for it"),
    })
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
            ("invalid peer certificate: certificate expired: verification time 5 (UNIX), but", "has expired"),
            ("invalid peer certificate: certificate not valid yet: verification", "not valid yet"),
            ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "CA:TRUE"),
            ("invalid peer certificate: BadEncoding", "cannot be checked"),
        ] {
            let said = explain(cause).unwrap();
            assert!(said.contains(expected), "{said}");
            assert!(
                !said.contains("Other") && !said.contains("(UNIX)") && !said.contains("UnknownIssuer"),
                "{said}"
            );
        }
        assert_eq!(explain("connection refused"), None);
    }
}
