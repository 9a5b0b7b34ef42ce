//! Whoever ends a server when the process is gone that started it: a shell that waits for the end of its standard input,
//! which comes with the end of that process, also when it is killed.

use std::ffi::OsString;
use std::process::{Child, Command, Stdio};

/// Runs a last command when it is dropped, or when this process ends.
pub(crate) struct Guardian(Child);

impl Guardian {
    /// The same around a program that runs until then: `words` are the folder `$folder`, the program and its arguments. Its
    /// process is `$child`.
    pub(crate) fn set_around(last: &str, words: impl IntoIterator<Item = OsString>) -> Self {
        // Its standard input is not ours, or our end would not end it.
        let script = format!("folder=$1; shift; \"$@\" </dev/null & child=$!; cat >/dev/null; {last}");
        Self::run(&script, words)
    }

    /// `last` is a script; `arguments` are its `$1` and so on.
    pub(crate) fn set(last: &str, arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self::run(&format!("cat >/dev/null; {last}"), arguments)
    }

    fn run(script: &str, arguments: impl IntoIterator<Item = OsString>) -> Self {
        // An interrupt at the terminal reaches the shell too, before the process that it waits for has ended.
        let script = format!("trap '' INT TERM HUP; {script}");
        let child = Command::new("sh")
            .args(["-c", &script, "guardian"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        Self(child)
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ended = self.0.wait();
    }
}
