//! The table of settings. Flag, variable and file key are one name in three spellings, so that they cannot drift apart.

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// The name in kebab-case: the flag without its dashes.
    pub name: &'static str,
    /// What stands for the value in the help.
    pub value_name: &'static str,
    /// The default, as it would be typed; `None` if it is worked out from other settings.
    pub default: Option<&'static str>,
    /// What it does, for the help.
    pub help: &'static str,
    /// How it is typed.
    pub shape: Shape,
    /// Which commands take it.
    pub scope: Scope,
}

/// Which commands take a setting. Each of these takes those after it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The service alone.
    Service,
    /// Commands that make passwords.
    Passwords,
    /// Every command that works on the database itself.
    Database,
}

/// How a setting is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// Several, with commas or by repeating the flag.
    List,
    /// A switch: the flag alone means true.
    Switch,
}

impl Setting {
    /// The flag, with its dashes.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("COUNTERSIGN_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// The words that a value may be, if it may be nothing else, as the help has them.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        let (value_name, fixed) = (self.value_name, self.value_name.contains('|'));
        value_name.split('|').filter(move |_| fixed)
    }

    /// The key in the TOML file.
    #[must_use]
    pub fn file_key(&self) -> String {
        self.name.replace('-', "_")
    }
}

const fn service(
    name: &'static str,
    value_name: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, value_name, default, help, shape: Shape::One, scope: Scope::Service }
}

const fn within(scope: Scope, setting: Setting) -> Setting {
    Setting { scope, ..setting }
}

/// The variable that says which server a command asks.
pub const SERVER_VARIABLE: &str = "COUNTERSIGN_SERVER";
/// The variable that holds the token a command asks with.
pub const TOKEN_VARIABLE: &str = "COUNTERSIGN_TOKEN";

/// The variable that names the authorities whose server certificates a command believes.
pub const CA_FILE_VARIABLE: &str = "COUNTERSIGN_CA_FILE";
/// The variable that holds the name which a server's certificate is for.
pub const SERVER_NAME_VARIABLE: &str = "COUNTERSIGN_SERVER_NAME";
/// The variables that name the certificate which a command shows, and its key.
pub const CLIENT_CERT_VARIABLES: [&str; 2] = ["COUNTERSIGN_CLIENT_CERT_FILE", "COUNTERSIGN_CLIENT_KEY_FILE"];

/// Every setting that acts.
pub const SETTINGS: [Setting; 34] = [
    service("listen", "ADDRESS:PORT", Some("127.0.0.1:50051"), "Where to listen; port 0 takes a free one"),
    within(
        Scope::Database,
        service(
            "database-url",
            "URL",
            Some("sqlite://countersign.db"),
            "The database: sqlite://PATH, postgres://USER:PASSWORD@HOST/NAME, or mysql://… for MySQL and MariaDB. A server on \
             another machine is reached by TLS and its certificate verified, unless the URL says otherwise (sslmode=…)",
        ),
    ),
    within(
        Scope::Database,
        service(
            "database-password-file",
            "PATH",
            None,
            "The file with the password of the database's user, in the place of one in the URL",
        ),
    ),
    within(
        Scope::Database,
        service(
            "database-connections",
            "N",
            Some("16"),
            "Connections to a database server that this process keeps for calls, half of them for those that write; two more \
             follow the log of revocations",
        ),
    ),
    Setting {
        shape: Shape::List,
        ..service(
            "master-key-file",
            "PATH",
            None,
            "The file with the master key that wraps the signing keys; with SQLite made at the first start, by default \
             countersign.key beside the database; with a database server it must be given. Several may be given: the first wraps, all unwrap",
        )
    },
    within(
        Scope::Passwords,
        service("issuer", "NAME", Some("countersign"), "Who signs tokens: their claim iss"),
    ),
    Setting {
        shape: Shape::List,
        ..service(
            "audiences",
            "NAME,...",
            Some("countersign"),
            "For whom tokens may be issued: their claim aud. The first is Countersign's own",
        )
    },
    service(
        "registration",
        "auto|open|closed",
        Some("auto"),
        "Who may create users: anyone (open) or admins (closed); auto is open on a loopback listener",
    ),
    service(
        "reflection",
        "auto|on|off",
        Some("auto"),
        "Whether gRPC reflection is served, without credentials; auto is on for a loopback listener",
    ),
    service(
        "older-api",
        "auto|on|off",
        Some("auto"),
        "Whether the paths /api/… of the application that this service grew from are served; auto is on for a loopback \
         listener",
    ),
    service(
        "token-lifetime",
        "SPAN",
        Some("600s"),
        "How long a token lives that nobody asked a lifetime for",
    ),
    service(
        "max-token-lifetime",
        "SPAN",
        Some("1h"),
        "The longest lifetime of a token, and of a chain of renewals after a password or refresh",
    ),
    service("session-idle-limit", "SPAN", Some("7d"), "How long after its last use a session ends"),
    service(
        "session-absolute-limit",
        "SPAN",
        Some("30d"),
        "How long after its opening a session ends, however much it is used",
    ),
    service(
        "trust-max-staleness",
        "SPAN",
        Some("30s"),
        "For how long tokens are let in after the database has answered for the last time: what other replicas revoke \
         meanwhile is not felt here. 0 is for as long as they live",
    ),
    service(
        "max-sessions-per-user",
        "N",
        Some("64"),
        "How many live sessions a user may have, without the role service, and beside them a quarter as many of the older \
         API's; one more ends the one of its kind that was not used for the longest time. 0 is no limit",
    ),
    within(
        Scope::Passwords,
        service(
            "password-min-length",
            "N",
            Some("8"),
            "The least number of characters in a new password (NIST SP 800-63B-4 asks 15 where it is the only factor)",
        ),
    ),
    within(
        Scope::Passwords,
        service("argon2-memory-kib", "N", Some("19456"), "Memory of one password hash, in KiB"),
    ),
    within(
        Scope::Passwords,
        service("argon2-passes", "N", Some("2"), "Passes of one password hash over its memory"),
    ),
    within(Scope::Passwords, service("argon2-lanes", "N", Some("1"), "Lanes of one password hash")),
    service(
        "hash-memory-mib",
        "N",
        None,
        "Memory of all password hashes that run at once, in MiB; by default one hash a core, and up to 256 for rows of an \
         earlier, higher price",
    ),
    service(
        "peer-rate",
        "N",
        Some("200"),
        "Calls a second of one peer (an IPv4 address or an IPv6 /64), counted before any cryptography; 0 is no limit. \
         An explicit value holds for loopback peers too, the default does not",
    ),
    Setting {
        shape: Shape::List,
        ..service(
            "cors-origins",
            "ORIGIN,...",
            Some(""),
            "The origins (https://shop.example) whose pages may call from browsers, beside this server's own; all other pages \
             are refused. In plaintext on a loopback address, also under which other hosts browsers may ask this server",
        )
    },
    Setting {
        shape: Shape::List,
        ..service(
            "trusted-proxies",
            "NETWORK,...",
            Some(""),
            "The proxies (addresses or networks) whose headers x-forwarded-for and x-forwarded-proto are believed: limits, \
             sessions and events then have the client's address, and behind https only pages that came over it are our own",
        )
    },
    service(
        "tls-cert-file",
        "PATH",
        None,
        "TLS: the file with the server's certificate in PEM, and behind it those of the authorities between it and the root. \
         The files of TLS are read again when they change",
    ),
    service(
        "tls-key-file",
        "PATH",
        None,
        "TLS: the file with the certificate's private key in PEM, which nobody else may read",
    ),
    service(
        "tls-client-ca-file",
        "PATH",
        None,
        "TLS: the file with the authorities, in PEM, whose client certificates are believed",
    ),
    service(
        "tls-client-certificates",
        "required|optional",
        Some("required"),
        "Whether clients that show no certificate are refused; with --tls-client-ca-file",
    ),
    Setting {
        shape: Shape::Switch,
        ..service(
            "admin-client-certificate",
            "true|false",
            Some("false"),
            "Refuse calls of AdminService on connections without a client certificate; for --tls-client-certificates optional",
        )
    },
    Setting {
        shape: Shape::Switch,
        ..service(
            "adopt",
            "true|false",
            Some("false"),
            "Make this replica's issuer, audiences, lifetimes and limits those of its database server, where others were \
             agreed on; give the same to all replicas",
        )
    },
    Setting {
        shape: Shape::Switch,
        ..service("insecure", "true|false", Some("false"), "Listen without TLS on an address beyond loopback")
    },
    within(
        Scope::Database,
        service(
            "log-level",
            "error|warn|info|debug|trace",
            Some("info"),
            "How much of its own doings is logged",
        ),
    ),
    within(
        Scope::Database,
        service(
            "log-format",
            "auto|text|json",
            Some("auto"),
            "The form of log lines on standard error; auto is text on a terminal and JSON otherwise",
        ),
    ),
    within(
        Scope::Database,
        service("config", "PATH", None, "A flat TOML file with settings, named like the flags with _ for -"),
    ),
];
