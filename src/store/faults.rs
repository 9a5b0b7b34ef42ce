//! What tests make go wrong: the connection dies just before a commit, or just after it, when nobody can tell which. Only
//! in builds with the feature `failpoints`, which no release has; elsewhere this is nothing.

/// The moment at which a connection dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was committed.
    BeforeCommit,
    /// Everything was committed, and its caller does not learn it.
    AfterCommit,
}

pub use plan::Faults;

#[cfg(feature = "failpoints")]
mod plan {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex, PoisonError};

    use sea_orm::{DbErr, RuntimeErr, SqlxError};

    use super::Fault;

    /// The faults that are still to come; all clones are one.
    #[derive(Clone, Debug, Default)]
    pub struct Faults(Arc<Mutex<VecDeque<Option<Fault>>>>);

    impl Faults {
        /// Lets the next writes meet these, one each; `None` is none.
        pub fn plan(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
        }

        /// Fails if the present write is to fail at this moment.
        pub(in crate::store) fn strike(&self, moment: Fault) -> Result<(), DbErr> {
            let mut planned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let dies = match (planned.front(), moment) {
                (Some(Some(fault)), _) if *fault == moment => true,
                // The write's last moment: what was planned for it has come or is not meant to.
                (Some(_), Fault::AfterCommit) => {
                    planned.pop_front();
                    false
                }
                _ => false,
            };
            if !dies {
                return Ok(());
            }
            planned.pop_front();
            Err(DbErr::Conn(RuntimeErr::SqlxError(
                SqlxError::Io(std::io::Error::other("killed by a test")).into(),
            )))
        }
    }
}

#[cfg(not(feature = "failpoints"))]
mod plan {
    use sea_orm::DbErr;

    use super::Fault;

    /// Nothing.
    #[derive(Clone, Debug, Default)]
    pub struct Faults;

    impl Faults {
        #[inline(always)]
        #[expect(
            clippy::unused_self,
            clippy::unnecessary_wraps,
            reason = "tests have another one in its place"
        )]
        pub(in crate::store) fn strike(&self, _moment: Fault) -> Result<(), DbErr> {
            Ok(())
        }
    }
}
