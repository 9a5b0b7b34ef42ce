//! What the service shows at a handshake and whom it believes: the TLS of the moment, made again when its files change.
//!
//! The content of the files decides, not their times, which lie where files are restored, linked or mounted. A certificate and
//! its key are two files, and one is replaced before the other: so what does not fit together is looked at twice before
//! anything is said about it. Meanwhile, and after that, the last ones that were good are shown.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConfig;

use super::certificate::Validity;
use super::files::{Files, Made};
use super::{TlsConfig, TlsError};
use crate::domain::Clock;

/// The TLS of the moment; a cheap handle.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    config: TlsConfig,
    clock: Arc<dyn Clock>,
    made: ArcSwap<Made>,
    hasher: RandomState,
    seen: Mutex<Seen>,
}

/// What was found when the files were looked at.
struct Seen {
    /// What is in use, or was complained about.
    settled: u64,
    /// What could not be used at the last look.
    suspect: Option<u64>,
    /// What was said last of the certificate's time.
    told: Validity,
}

/// What a look at the files has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing new.
    Unchanged,
    /// Something new, which new connections get from now on.
    Renewed,
    /// Something that cannot be used, which may be half of a change.
    Suspect,
    /// The same once more. It was said, and is not said again.
    Broken,
}

impl Tls {
    /// Reads the files.
    pub fn load(config: TlsConfig, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let hasher = RandomState::new();
        let files = Files::read(&config)?;
        let made = files.make(&config, &clock)?;
        let seen = Seen { settled: hasher.hash_one(&files), suspect: None, told: Validity::Valid };
        let (made, seen) = (ArcSwap::from_pointee(made), Mutex::new(seen));
        let tls = Self(Arc::new(Inner { config, clock, made, hasher, seen }));
        tls.tell_validity(&mut tls.0.seen.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tls)
    }

    /// Looks at the files, and takes up what is new in them and can be used. It reads files, and blocks.
    pub fn look_again(&self) -> Look {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let look = self.compare(&mut seen);
        self.tell_validity(&mut seen);
        look
    }

    fn compare(&self, seen: &mut Seen) -> Look {
        let inner = &*self.0;
        let read = Files::read(&inner.config);
        let found = match &read {
            Ok(files) => inner.hasher.hash_one(files),
            Err(error) => inner.hasher.hash_one(error.to_string()),
        };
        if found == seen.settled {
            seen.suspect = None;
            return Look::Unchanged;
        }
        match read.and_then(|files| files.make(&inner.config, &inner.clock)) {
            Ok(made) => {
                inner.made.store(Arc::new(made));
                *seen = Seen { settled: found, suspect: None, told: Validity::Valid };
                tracing::info!("the TLS files have changed: new connections get what is in them now");
                Look::Renewed
            }
            Err(error) if seen.suspect == Some(found) => {
                (seen.settled, seen.suspect) = (found, None);
                tracing::error!(
                    "the TLS files have changed and cannot be used, the last good ones go on: {error}"
                );
                Look::Broken
            }
            Err(_) => {
                seen.suspect = Some(found);
                Look::Suspect
            }
        }
    }

    /// Whether a client that believes the certificate's file, and nobody else, may connect to `address`.
    #[must_use]
    pub fn vouches_for_itself_at(&self, address: IpAddr) -> bool {
        self.0.made.load().own.vouches_for_itself_at(address)
    }

    /// What a new connection gets.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.made.load().config)
    }

    fn tell_validity(&self, seen: &mut Seen) {
        let validity = self.0.made.load().own.validity(self.0.clock.now());
        if seen.told == validity {
            return;
        }
        seen.told = validity;
        let path = self.0.config.cert_file.display();
        match validity {
            Validity::Expired => {
                tracing::warn!("the TLS certificate in {path} has expired: clients refuse it");
            }
            Validity::NotYet => {
                tracing::warn!("the TLS certificate in {path} is not valid yet: clients refuse it");
            }
            Validity::Valid => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::Duration;

    use rcgen::{CertifiedKey, KeyPair};
    use tempfile::TempDir;

    use super::*;
    use crate::domain::Timestamp;
    use crate::transport::ClientAuthorities;

    struct Today;

    impl Clock for Today {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_800_000_000_000)
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn pair() -> CertifiedKey<KeyPair> {
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
    }

    fn write_key(folder: &Path, pair: &CertifiedKey<KeyPair>) {
        let draft = folder.join("draft");
        fs::write(&draft, pair.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&draft, folder.join("key.pem")).unwrap();
    }

    fn write_cert(folder: &Path, pair: &CertifiedKey<KeyPair>) {
        fs::write(folder.join("cert.pem"), pair.cert.pem()).unwrap();
    }

    fn files() -> (TempDir, TlsConfig) {
        let folder = TempDir::new().unwrap();
        let pair = pair();
        write_cert(folder.path(), &pair);
        write_key(folder.path(), &pair);
        let path = |name| folder.path().join(name);
        let config = TlsConfig { cert_file: path("cert.pem"), key_file: path("key.pem"), clients: None };
        (folder, config)
    }

    fn load(config: &TlsConfig) -> Result<Tls, TlsError> {
        Tls::load(config.clone(), Arc::new(Today))
    }

    #[test]
    fn a_new_pair_is_taken_up_whichever_half_comes_first() {
        let (folder, config) = files();
        let tls = load(&config).unwrap();
        assert_eq!(tls.look_again(), Look::Unchanged);
        let [key, cert]: [fn(&Path, &CertifiedKey<KeyPair>); 2] = [write_key, write_cert];
        for [first_half, second_half] in [[key, cert], [cert, key]] {
            let (before, new) = (tls.current(), pair());
            first_half(folder.path(), &new);
            assert_eq!(tls.look_again(), Look::Suspect, "half of it is no reason to complain");
            assert!(Arc::ptr_eq(&before, &tls.current()));
            second_half(folder.path(), &new);
            assert_eq!(tls.look_again(), Look::Renewed);
            assert!(!Arc::ptr_eq(&before, &tls.current()));
            assert_eq!(tls.look_again(), Look::Unchanged);
        }
    }

    #[test]
    fn what_cannot_be_used_is_complained_about_once_and_changes_nothing() {
        let (folder, config) = files();
        let tls = load(&config).unwrap();
        let (before, good) = (tls.current(), fs::read(&config.cert_file).unwrap());
        for broken in [&b""[..], b"hello", &good[..good.len() / 2], &[0; 2 << 20]] {
            fs::write(&config.cert_file, broken).unwrap();
            let looks = [tls.look_again(), tls.look_again(), tls.look_again(), tls.look_again()];
            assert_eq!(looks, [Look::Suspect, Look::Broken, Look::Unchanged, Look::Unchanged]);
        }
        fs::remove_file(&config.cert_file).unwrap();
        assert_eq!([tls.look_again(), tls.look_again()], [Look::Suspect, Look::Broken]);
        assert!(Arc::ptr_eq(&before, &tls.current()));
        let new = pair();
        write_cert(folder.path(), &new);
        write_key(folder.path(), &new);
        assert_eq!(tls.look_again(), Look::Renewed);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let (folder, config) = files();
        let path = |name: &str| folder.path().join(name);
        let said = |config: &TlsConfig| load(config).err().unwrap().to_string();
        let missing = said(&TlsConfig { cert_file: path("none.pem"), ..config.clone() });
        assert!(missing.contains("none.pem") && missing.contains("--tls-cert-file"), "{missing}");
        let no_key = said(&TlsConfig { cert_file: path("key.pem"), ..config.clone() });
        assert!(no_key.contains("key.pem does not hold certificates"), "{no_key}");
        fs::write(path("empty"), "").unwrap();
        fs::set_permissions(path("empty"), fs::Permissions::from_mode(0o600)).unwrap();
        let empty = said(&TlsConfig { key_file: path("empty"), ..config.clone() });
        assert!(empty.contains("empty does not hold an unencrypted private key"), "{empty}");
        let clients = Some(ClientAuthorities { file: path("empty"), required: true });
        let nobody = said(&TlsConfig { clients, ..config.clone() });
        assert!(nobody.contains("file of client authorities") && nobody.contains("empty"), "{nobody}");
        let folder_as_file = said(&TlsConfig { cert_file: folder.path().to_owned(), ..config.clone() });
        assert!(folder_as_file.contains("it is not a file"), "{folder_as_file}");
        fs::set_permissions(path("key.pem"), fs::Permissions::from_mode(0o640)).unwrap();
        let exposed = said(&config);
        assert!(exposed.contains("(mode 640): run chmod 600"), "{exposed}");
        write_key(folder.path(), &pair());
        let foreign = said(&config);
        assert!(foreign.contains("key.pem does not belong to the first certificate in"), "{foreign}");
    }
}
