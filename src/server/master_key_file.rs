//! The file that holds the master key: reading it, and making it once, before any key is stored that depends on it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::crypto::MasterKey;
use crate::domain::Entropy;
use crate::transport::exposing_mode;

/// The files to take master keys from: the first wraps, all unwrap.
#[derive(Clone, Debug)]
pub struct MasterKeyFiles {
    /// Never empty.
    pub paths: Vec<PathBuf>,
    /// Whether the first may be made if it is missing and nothing depends on it.
    pub may_be_made: bool,
}

/// Why there is no master key. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyFileError {
    /// Not there, and the database holds keys that need it.
    #[error(
        "the master key file {path} is missing, and the database holds keys that a master key has wrapped: \
         restore the file, or say with --master-key-file where it is"
    )]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// Not there, and not to be made here.
    #[error(
        "the master key file {path} is missing: every replica needs the same; print one with `countersign master-key new`, \
         keep it in a file of mode 0600, and give that to all"
    )]
    ToBeGiven {
        /// The path.
        path: PathBuf,
    },
    /// Open to others.
    #[error("the master key file {path} can be read by others (mode {mode:o}): run chmod 600 {path}")]
    Exposed {
        /// The path.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Something else than a key is in it.
    #[error(
        "the master key file {path} does not hold a master key, one line k4.local.…: restore it from its backup{}",
        if *.needed { "" } else { ", or remove it: nothing depends on it yet, and the next start makes another" }
    )]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Whether keys in the database depend on a master key.
        needed: bool,
    },
    /// The file system says no.
    #[error("the master key file {path} cannot be {action}: {source}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl MasterKeyFiles {
    /// Reads every file. The first is made if it is missing and `may_create`, which is only while no key depends on it.
    pub fn load(
        &self,
        may_create: bool,
        entropy: &dyn Entropy,
    ) -> Result<Vec<MasterKey>, MasterKeyFileError> {
        let create = may_create && self.may_be_made;
        self.paths
            .iter()
            .map(|path| match read(path, !may_create) {
                Err(MasterKeyFileError::Missing { path }) if may_create && !self.may_be_made => {
                    Err(MasterKeyFileError::ToBeGiven { path })
                }
                Err(MasterKeyFileError::Missing { .. }) if create => {
                    make(path, entropy)?;
                    // Read back whatever is there now: another process starting at the same time may have been first.
                    read(path, false)
                }
                other => other,
            })
            .collect()
    }
}

fn read(path: &Path, needed: bool) -> Result<MasterKey, MasterKeyFileError> {
    let failed = |source| failure(path, "read", source);
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(MasterKeyFileError::Missing { path: path.to_owned() });
        }
        metadata => metadata.map_err(failed)?,
    };
    let unreadable = || MasterKeyFileError::Unreadable { path: path.to_owned(), needed };
    // A key is 53 characters: whatever is much longer is not one, and not worth reading.
    if !metadata.is_file() || metadata.len() > 4096 {
        return Err(unreadable());
    }
    if let Some(mode) = exposing_mode(&metadata) {
        return Err(MasterKeyFileError::Exposed { path: path.to_owned(), mode });
    }
    let bytes = Zeroizing::new(fs::read(path).map_err(failed)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
    MasterKey::parse(text.trim_end_matches(['\n', '\r'])).map_err(|_| unreadable())
}

/// Makes the file complete or not at all: written and synced under another name, then linked to its own, which fails if
/// that exists. A kill at any moment leaves no file or a whole one.
fn make(path: &Path, entropy: &dyn Entropy) -> Result<(), MasterKeyFileError> {
    let mut suffix = [0; 8];
    entropy.fill(&mut suffix);
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:016x}.tmp", u64::from_be_bytes(suffix)));
    let draft = PathBuf::from(draft);

    let made = write_synced(&draft, &MasterKey::generate(entropy)).and_then(|()| fs::hard_link(&draft, path));
    let _leftover = fs::remove_file(&draft);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failure(path, "made", error));
        }
        _ => {}
    }
    sync_folder(path).map_err(|error| failure(path, "synced", error))
}

fn write_synced(path: &Path, key: &MasterKey) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key.to_paserk().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Without this the file's name may not survive a power cut, though its content would.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn failure(path: &Path, action: &'static str, source: io::Error) -> MasterKeyFileError {
    MasterKeyFileError::Io { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;
    use crate::server::SystemEntropy;

    fn files(path: &Path) -> MasterKeyFiles {
        MasterKeyFiles { paths: vec![path.to_owned()], may_be_made: true }
    }

    #[test]
    fn the_file_is_made_once_private_and_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.key");
        let first = files(&path).load(true, &SystemEntropy).unwrap();
        let again = files(&path).load(true, &SystemEntropy).unwrap();
        assert_eq!(first[0].id(), again[0].id());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn it_is_not_made_when_keys_depend_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.key");
        let refused = files(&path).load(false, &SystemEntropy);
        assert!(matches!(refused, Err(MasterKeyFileError::Missing { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn many_processes_starting_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.key");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| files(&path).load(true, &SystemEntropy).unwrap()[0].id()))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap().to_string()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }

    #[test]
    fn a_file_that_others_can_read_or_that_holds_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.key");
        files(&path).load(true, &SystemEntropy).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            files(&path).load(true, &SystemEntropy),
            Err(MasterKeyFileError::Exposed { mode: 0o640, .. })
        ));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for content in ["", "\n", "k4.local.abc\n", "hello\n"] {
            fs::write(&path, content).unwrap();
            let refused = files(&path).load(true, &SystemEntropy);
            assert!(matches!(refused, Err(MasterKeyFileError::Unreadable { .. })), "{content:?}");
        }
    }
}
