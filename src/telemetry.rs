//! Where log lines go and in what form. What never goes into one: passwords, tokens, keys, hashes, whole queries; what
//! strangers chose (names, headers) only escaped.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How much is logged, and in what form.
#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    /// The least important level of our own lines.
    pub level: Level,
    /// The form.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Readable on a terminal, JSON otherwise.
    Auto,
    /// Readable.
    Text,
    /// One JSON object a line.
    Json,
}

/// Lines that may wait to be written. More are dropped: who reads the log must not be able to stop the service by not
/// reading it.
const WAITING_LINES: usize = 8192;

/// Starts logging to standard error, until what it returns is dropped; that waits a moment for the last lines. Libraries are capped at info whatever the level: at trace some of them print what
/// is not theirs to print, sqlx the database URL among it.
pub fn start(config: LogConfig) -> WorkerGuard {
    let own = LevelFilter::from_level(config.level);
    let filter = Targets::new()
        .with_default(own.min(LevelFilter::INFO))
        .with_target("sqlx", own.min(LevelFilter::WARN))
        .with_target("countersign", own);
    let terminal = io::stderr().is_terminal();
    let text = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    // A line that cannot be written is lost. The alternative is to complain about it on the same standard error, which
    // panics when nobody reads that.
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false);
    let layer =
        if text { lines.with_ansi(terminal).boxed() } else { lines.json().flatten_event(true).boxed() };
    // A second start, as in tests that run the command twice in one process, keeps the first.
    let _already_started = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    guard
}
