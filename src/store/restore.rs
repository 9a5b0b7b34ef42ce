//! Putting a backup in the place of a database, while nobody has that open. What is replaced is kept beside it, and the
//! database that takes its place says of itself that it must be fenced, whatever it was copied by.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};
use sea_orm::DatabaseConnection;

use super::backup::{BackupError, Draft, copy, failed, file_of, sync_folder, write_mark};
use super::{DatabaseUrl, OpenError, schema, sqlite};
use crate::domain::Timestamp;

/// What SQLite keeps beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Nobody else has the database open while this lives.
enum Alone {
    /// SQLite's own lock: the log is a part of the file again.
    BySqlite(DatabaseConnection),
    /// The same lock on a file that SQLite cannot read any more.
    OfDamaged(#[expect(dead_code, reason = "held for its lock")] File),
}

/// Puts the backup `from` in the place of the database of `url`. Where the one that was there is kept, if one was.
/// `number` makes new names.
pub async fn restore(
    url: &DatabaseUrl,
    from: &Path,
    replace: bool,
    number: u64,
    now: Timestamp,
) -> Result<Option<PathBuf>, BackupError> {
    let named = file_of(url)?;
    sqlite::require_file(from)?;
    if named.is_dir() {
        return Err(OpenError::Folder(named.to_owned()).into());
    }
    // Behind a symbolic link it is the file that is replaced, and not the link.
    let target = fs::canonicalize(named).unwrap_or_else(|_| named.to_owned());
    if target.exists() && !replace {
        return Err(BackupError::Occupied(named.to_owned()));
    }
    let draft = Draft::create(&target, number)?;
    let source = sqlite::open_beside(from).await?;
    let copied = copy_ours(&source, from, draft.path()).await;
    source.close().await?;
    copied?;
    draft.mark(now).await?;
    if !target.exists() {
        remove_beside(&target)?;
        draft.become_new(&target)?;
        return Ok(None);
    }
    keep_owner(&target, draft.path())?;
    let alone = be_alone(&target, now).await?;
    let kept = keep(&target, number)?;
    draft.replace(&target)?;
    if let Alone::BySqlite(db) = alone {
        db.close().await?;
    }
    Ok(Some(kept))
}

/// Copies a database of Countersign, of whatever schema that this program can use. SQLite opens an empty file, too, and any
/// other program's.
async fn copy_ours(source: &DatabaseConnection, from: &Path, to: &Path) -> Result<(), BackupError> {
    let applied = schema::lookup_applied(source).await.unwrap_or_default();
    if applied.is_empty() {
        return Err(BackupError::NotOurs(from.to_owned()));
    }
    schema::judge(&applied, &countersign_migration::migrations())?;
    copy(source, to).await
}

/// Keeps everybody else out of a database, and marks it: whoever waits for the lock would go on with a file that has lost
/// its name.
async fn be_alone(path: &Path, now: Timestamp) -> Result<Alone, BackupError> {
    match sqlite::open_alone(path).await {
        // An older schema has no place for the mark; whoever waits brings it up to date first.
        Ok(db) => match write_mark(&db, now).await {
            Ok(()) | Err(super::StoreError::Unexpected(_)) => Ok(Alone::BySqlite(db)),
            Err(super::StoreError::Unreachable(_)) => Err(OpenError::InUse(path.to_owned()).into()),
            Err(error) => Err(error.into()),
        },
        Err(error @ OpenError::InUse(_)) => Err(error.into()),
        Err(_unreadable) => {
            let file = File::options().read(true).write(true).open(path).map_err(failed(path, "opened"))?;
            // SQLite locks parts of the file in the same way, and a lock on all of it meets them.
            fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive)
                .map_err(|_| OpenError::InUse(path.to_owned()))?;
            Ok(Alone::OfDamaged(file))
        }
    }
}

/// Whoever could open the database can open what takes its place, also where somebody else restores it.
fn keep_owner(target: &Path, draft: &Path) -> Result<(), BackupError> {
    let of = |path: &Path| fs::metadata(path).map_err(failed(path, "looked at"));
    let (before, after) = (of(target)?, of(draft)?);
    if (before.uid(), before.gid()) == (after.uid(), after.gid()) {
        return Ok(());
    }
    chown(draft, Some(before.uid()), Some(before.gid()))
        .map_err(failed(draft, "given to the owner of the database"))
}

/// Gives the database a second name; its log goes there with it. Under its own it stays until another file takes that.
fn keep(target: &Path, number: u64) -> Result<PathBuf, BackupError> {
    let kept = beside(target, &format!(".replaced-{number:016x}"));
    fs::hard_link(target, &kept).map_err(failed(&kept, "made"))?;
    let log = beside(target, BESIDE[0]);
    if log.exists() {
        fs::rename(&log, beside(&kept, BESIDE[0])).map_err(failed(&log, "moved"))?;
    }
    remove_beside(target)?;
    sync_folder(target)?;
    Ok(kept)
}

/// A log that belonged to another file would be taken for this one's.
fn remove_beside(target: &Path) -> Result<(), BackupError> {
    for suffix in BESIDE {
        let path = beside(target, suffix);
        if path.exists() {
            fs::remove_file(&path).map_err(failed(&path, "removed"))?;
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
