//! A file that holds a secret: opened only if it is a plain one that nobody else can read, made so that nobody can. Owns
//! what is asked of the file, not what is in it.
//!
//! On systems other than Unix, who can read it is up to its folder.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a file to read it; `None` if there is none. What is asked is asked of the open file, not of its name, which may be
/// another's by now. It is opened without waiting: who put a pipe there would otherwise hold up whoever wants to read.
pub(super) fn open(path: &Path, max_bytes: u64) -> io::Result<Option<File>> {
    let file = match open_without_waiting(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let metadata = file.metadata()?;
    let refuse = |kind, why: String| Err(io::Error::new(kind, format!("{} {why}", path.display())));
    if !metadata.is_file() {
        return refuse(ErrorKind::InvalidInput, "is not a regular file".to_owned());
    }
    if let Err(why) = check_private(&metadata) {
        return refuse(ErrorKind::PermissionDenied, why);
    }
    if metadata.len() > max_bytes {
        return refuse(ErrorKind::InvalidData, format!("has more than {max_bytes} bytes"));
    }
    Ok(Some(file))
}

/// Makes a file that is not there yet.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A link is not followed: it leads to what somebody else may have chosen, and the next content would take its place.
#[cfg(unix)]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(rustix::io::Errno::LOOP) => {
            let why = format!("{} is a link, and not a regular file", path.display());
            Err(io::Error::new(ErrorKind::InvalidInput, why))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Why it is not private, if it is not.
#[cfg(unix)]
fn check_private(metadata: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    if !is_trusted_with(metadata.uid(), rustix::process::geteuid().as_raw()) {
        return Err(format!("belongs to another user (uid {})", metadata.uid()));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(format!("can be read by others (mode {mode:o}): chmod 600 it"))
    }
}

#[cfg(not(unix))]
fn check_private(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

/// Whose files are believed: one's own, and root's, who can write everywhere anyway. What another user put there would be
/// that one's session.
#[cfg(unix)]
fn is_trusted_with(owner: u32, user: u32) -> bool {
    owner == user || owner == 0
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use rustix::fs::{CWD, FileType, Mode};
    use tempfile::TempDir;

    use super::*;

    /// In a thread of its own: opening the wrong thing may never end.
    fn refused(path: &Path) -> String {
        let (answer, answered) = mpsc::channel();
        let path = path.to_owned();
        thread::spawn(move || answer.send(open(&path, 100).map(drop)));
        let opened = answered.recv_timeout(Duration::from_secs(20)).expect("it waits for somebody");
        opened.unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused_and_not_waited_for() {
        let folder = TempDir::new().unwrap();
        let path = |name| folder.path().join(name);
        rustix::fs::mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        fs::create_dir(path("folder")).unwrap();
        fs::set_permissions(path("folder"), fs::Permissions::from_mode(0o700)).unwrap();
        drop(create(&path("file")).unwrap());
        symlink(path("file"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        for other in [path("pipe"), path("folder"), path("link"), path("dangling"), "/dev/zero".into()] {
            let said = refused(&other);
            assert!(said.contains("regular file") && said.contains(other.to_str().unwrap()), "{said}");
        }
        assert!(open(&path("file"), 100).unwrap().is_some());
        assert!(open(&path("nowhere"), 100).unwrap().is_none());
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        let file = create(&path).unwrap();
        file.set_len(100).unwrap();
        assert!(open(&path, 100).unwrap().is_some());
        file.set_len(101).unwrap();
        assert!(refused(&path).contains("more than 100 bytes"));
    }

    #[test]
    fn the_files_of_other_users_are_not_believed() {
        assert!(is_trusted_with(1000, 1000) && is_trusted_with(0, 1000) && is_trusted_with(0, 0));
        assert!(!is_trusted_with(1001, 1000) && !is_trusted_with(1000, 0));
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        drop(create(&path).unwrap());
        // Only root can give a file away.
        if std::os::unix::fs::chown(&path, Some(4711), None).is_ok() {
            assert!(refused(&path).contains("another user (uid 4711)"));
        }
    }
}
