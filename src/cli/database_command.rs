//! What commands share that work on the database itself and take nothing that their settings could contradict.

use tokio::runtime::{self, Runtime};
use tracing_appender::non_blocking::WorkerGuard;

use super::Failure;
use super::given::Given;
use crate::config::{Problems, Values};
use crate::telemetry::{self, LogConfig};

/// Such a command, ready to run.
pub(super) struct DatabaseCommand<C> {
    /// Its settings.
    pub(super) config: C,
    /// Where it runs.
    pub(super) runtime: Runtime,
    /// Its log lines are written as long as this lives.
    _log: WorkerGuard,
}

impl<C> DatabaseCommand<C> {
    /// Reads its settings and starts its log. Whatever is wrong with what was given is said at once.
    pub(super) fn prepare(
        given: Given,
        read: fn(&Values, &mut Problems) -> Option<C>,
        log: fn(&C) -> LogConfig,
    ) -> Result<Self, Failure> {
        let (sources, mut problems) = given.sources();
        let values = sources.resolve(&mut problems);
        let config = read(&values, &mut problems);
        let config = problems.none_or(config)?;
        let log = telemetry::start(log(&config));
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
        Ok(Self { config, runtime, _log: log })
    }
}
