//! The settings of the database, and of what is only ever used together with it: the master keys.

use std::fs;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Problems, Values, values};
use crate::server::MasterKeyFiles;
use crate::store::{DatabaseUrl, StoreConfig};
use crate::transport::exposing_mode;

/// More than any password, and nothing that would fill the memory.
const LONGEST_PASSWORD_FILE: u64 = 4096;

pub(super) fn store(values: &Values, problems: &mut Problems) -> Option<StoreConfig> {
    let url = values.read("database-url", problems, read_url);
    let connections = values.read("database-connections", problems, |text| values::number(text, 2, 1000));
    let password = password(values, problems, url.as_ref());
    let (url, connections) = (url?, connections?);
    let url = match password? {
        Some(password) => url.with_password(&password),
        None => url,
    };
    Some(StoreConfig { connections, ..StoreConfig::new(url) })
}

fn read_url(text: &str) -> Result<DatabaseUrl, String> {
    let url = DatabaseUrl::parse(text).map_err(|error| error.to_string())?;
    match url.unreadable_file() {
        Some((file, error)) => {
            Err(format!("names the file {}, which cannot be read: {error}", file.display()))
        }
        None => Ok(url),
    }
}

/// The password in the file that is named, if one is.
fn password(
    values: &Values,
    problems: &mut Problems,
    url: Option<&DatabaseUrl>,
) -> Option<Option<Zeroizing<String>>> {
    if !values.is_explicit("database-password-file") {
        return Some(None);
    }
    if url.is_some_and(|url| url.file().is_some()) {
        problems
            .add_setting("--database-password-file", "SQLite has no password: --database-url names a file");
        return None;
    }
    values.read("database-password-file", problems, |path| read_password(Path::new(path))).map(Some)
}

fn read_password(path: &Path) -> Result<Zeroizing<String>, String> {
    let cannot = |error: std::io::Error| format!("the file {} cannot be read: {error}", path.display());
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() || metadata.len() > LONGEST_PASSWORD_FILE {
        return Err(format!("{} is no file that holds a password and nothing else", path.display()));
    }
    if let Some(mode) = exposing_mode(&metadata) {
        let path = path.display();
        return Err(format!("the file {path} can be read by others (mode {mode:o}): run chmod 600 {path}"));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(cannot)?);
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(format!("the file {} is empty", path.display())),
        lines if lines.contains(['\n', '\r']) => {
            Err(format!("the file {} has more than one line", path.display()))
        }
        password => Ok(Zeroizing::new(password.to_owned())),
    }
}

pub(super) fn master_keys(
    values: &Values,
    problems: &mut Problems,
    store: Option<&StoreConfig>,
) -> Option<MasterKeyFiles> {
    if !values.is_explicit("master-key-file") {
        let Some(file) = store?.url.file() else {
            problems.add_setting(
                "--master-key-file",
                "must be given with a database server, where every replica needs the same: `countersign master-key new` \
                 prints one, for a file of mode 0600",
            );
            return None;
        };
        return Some(MasterKeyFiles {
            paths: vec![file.with_file_name("countersign.key")],
            may_be_made: true,
        });
    }
    let paths: Vec<PathBuf> = values.read("master-key-file", problems, |text| match values::list(text) {
        paths if paths.is_empty() || paths.contains(&"") => {
            Err("must name a file, or several with commas".to_owned())
        }
        paths => Ok(paths.into_iter().map(PathBuf::from).collect()),
    })?;
    // One that a replica made for itself would be of no use to the others.
    let may_be_made = paths.len() == 1 && store?.url.file().is_some();
    Some(MasterKeyFiles { paths, may_be_made })
}

/// What the operator should know about the database.
pub(super) fn warnings(store: &StoreConfig) -> Option<String> {
    store.url.is_plaintext().then(|| {
        format!("what is said to {} can be read on the way: its URL switches encryption off", store.url)
    })
}
