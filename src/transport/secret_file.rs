//! Files that hold secrets: who else may read them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// The permissions of a file that others can read than its owner and, where that is not this process's user, the group by
/// which it was given to this process: that is how an orchestrator mounts a secret. Nothing if nobody else can.
#[must_use]
pub fn exposing_mode(metadata: &Metadata) -> Option<u32> {
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    let mode = metadata.mode() & 0o777;
    lets_others_in(mode, !own && is_of_this_group(metadata.gid())).then_some(mode)
}

fn is_of_this_group(group: u32) -> bool {
    let others = rustix::process::getgroups().unwrap_or_default();
    rustix::process::getegid().as_raw() == group || others.iter().any(|other| other.as_raw() == group)
}

const fn lets_others_in(mode: u32, given_by_group: bool) -> bool {
    mode & if given_by_group { 0o037 } else { 0o077 } != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_read_what_another_user_has_given_to_it() {
        for (mode, given_by_group, others_get_in) in [
            (0o600, false, false),
            (0o400, false, false),
            (0o640, false, true),
            (0o440, false, true),
            (0o604, false, true),
            (0o440, true, false),
            (0o640, true, false),
            (0o460, true, true),
            (0o444, true, true),
            (0o441, true, true),
        ] {
            assert_eq!(lets_others_in(mode, given_by_group), others_get_in, "{mode:o} {given_by_group}");
        }
    }
}
