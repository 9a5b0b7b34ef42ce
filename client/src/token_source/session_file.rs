//! A session in a file that nobody else can read.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{SavedSession, SessionStore, private_file};

/// No session is longer; what is, is another file.
const MAX_BYTES: u64 = 4096;

/// A file with mode 0600, replaced as a whole: written under another name beside it, synced, renamed. One that its
/// group or others can read or write is refused, and so is one of another user but root, and what is no regular file: a
/// folder, a pipe, a link. One file a source: two processes on one file look like theft.
///
/// On systems other than Unix, who can read it is up to its folder.
#[derive(Clone, Debug)]
pub struct SessionFile {
    path: PathBuf,
}

impl SessionFile {
    /// The file at `path`, which need not exist. Its folder must.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The name that the next content is written under.
    fn draft(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        PathBuf::from(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new(".")))
    }
}

impl SessionStore for SessionFile {
    fn load(&self) -> io::Result<Option<SavedSession>> {
        let Some(file) = private_file::open(&self.path, MAX_BYTES)? else { return Ok(None) };
        let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
        file.take(MAX_BYTES).read_to_string(&mut text)?;
        let session = SavedSession::parse(&text);
        session.map(Some).ok_or_else(|| invalid(format!("{} holds no session", self.path.display())))
    }

    fn save(&self, session: &SavedSession) -> io::Result<()> {
        let draft = self.draft();
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // A process that was killed meanwhile may have left one.
            _ => {}
        }
        let mut file = private_file::create(&draft)?;
        file.write_all(session.to_text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        self.sync_folder()
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| self.sync_folder()),
        }
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Makes a rename durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Folders cannot be opened there.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    fn session(token: &str) -> SavedSession {
        SavedSession::new(token.to_owned(), vec![7; 32]).unwrap()
    }

    fn loaded(file: &SessionFile) -> Option<String> {
        file.load().unwrap().map(|session| session.refresh_token().to_owned())
    }

    #[test]
    fn a_file_keeps_the_last_session_until_it_is_removed() {
        let folder = TempDir::new().unwrap();
        let file = SessionFile::new(folder.path().join("session"));
        assert_eq!(loaded(&file), None);
        file.save(&session("csr_1")).unwrap();
        file.save(&session("csr_2")).unwrap();
        assert_eq!(loaded(&file).as_deref(), Some("csr_2"));
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(loaded(&file), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn nobody_else_can_read_the_file() {
        let folder = TempDir::new().unwrap();
        let file = SessionFile::new(folder.path().join("session"));
        file.save(&session("csr_1")).unwrap();
        let mode = fs::metadata(&file.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = TempDir::new().unwrap();
        let file = SessionFile::new(folder.path().join("session"));
        file.save(&session("csr_1")).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = file.load().unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_no_obstacle_and_no_secret_of_others() {
        let folder = TempDir::new().unwrap();
        let file = SessionFile::new(folder.path().join("session"));
        file.save(&session("csr_1")).unwrap();
        // Half a successor, and readable: the file itself is whole, and what comes next is private all the same.
        fs::write(file.draft(), "countersign-session 1\nrefresh_to").unwrap();
        fs::set_permissions(file.draft(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(loaded(&file).as_deref(), Some("csr_1"));
        file.save(&session("csr_2")).unwrap();
        assert_eq!(loaded(&file).as_deref(), Some("csr_2"));
        assert!(!file.draft().exists());
    }

    #[test]
    fn a_file_of_something_else_is_refused_without_showing_it() {
        let folder = TempDir::new().unwrap();
        let file = SessionFile::new(folder.path().join("session"));
        drop(private_file::create(&file.path).unwrap());
        fs::write(&file.path, "hunter2").unwrap();
        let refused = file.load().unwrap_err().to_string();
        assert!(refused.contains("holds no session") && !refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn a_session_with_more_behind_it_is_not_read_as_if_it_ended_there() {
        let folder = TempDir::new().unwrap();
        let file = SessionFile::new(folder.path().join("session"));
        let text = session("csr_1").to_text();
        let padded = format!("{}username {}", *text, "x".repeat(usize::try_from(MAX_BYTES).unwrap()));
        drop(private_file::create(&file.path).unwrap());
        fs::write(&file.path, padded).unwrap();
        let refused = file.load().unwrap_err().to_string();
        assert!(refused.contains("more than 4096 bytes"), "{refused}");
    }
}
