//! Where log lines go and in what form. What never goes into one: passwords, tokens, keys, hashes, whole queries; what
//! strangers chose (names, headers) only escaped.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing::level_filters::LevelFilter;
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

/// Starts logging to standard error. Libraries are capped at info whatever the level: at trace some of them print what
/// is not theirs to print, sqlx the database URL among it.
pub fn start(config: LogConfig) {
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
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let layer =
        if text { lines.with_ansi(terminal).boxed() } else { lines.json().flatten_event(true).boxed() };
    // A second start, as in tests that run the command twice in one process, keeps the first.
    let _already_started = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
