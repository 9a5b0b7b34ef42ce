//! What health checks are told: whether the database answers, and that the process lives.

use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

/// The names that mean readiness: the database answers.
const READINESS: [&str; 2] = ["", "auth.v1.AuthService"];
/// The name that is served as long as it is known well enough what has been revoked, whether the database answers or not: an
/// orchestrator that took away every replica for a database that is restarted would take away the checking of tokens too.
const TRUST: &str = "auth.v1.TrustService";
/// The name that is served as long as the process answers at all.
const LIVENESS: &str = "liveness";

/// Sets what health checks are told.
#[derive(Clone)]
pub struct Health(HealthReporter);

impl Health {
    /// Alive, and not ready yet.
    pub async fn start() -> Self {
        let health = Self(HealthReporter::new());
        health.set_ready(false).await;
        health.set_trusted(false).await;
        health.0.set_service_status(LIVENESS, ServingStatus::Serving).await;
        health
    }

    /// Says whether calls can be answered. Nobody is told what they know already.
    pub async fn set_ready(&self, ready: bool) {
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in READINESS {
            self.0.set_service_status(name, status).await;
        }
    }

    /// Says whether it is known what has been revoked.
    pub async fn set_trusted(&self, trusted: bool) {
        let status = if trusted { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status(TRUST, status).await;
    }

    pub(super) fn service(&self) -> HealthService {
        HealthService::from_health_reporter(self.0.clone())
    }
}
