//! Database servers that tests start for themselves: on loopback, on a free port, with a folder of their own. They end with
//! the process that started them, however that ends. What is not installed is skipped loudly, or a failure where everything
//! is required (`COUNTERSIGN_TEST_REQUIRE=all`).

mod guardian;
mod mariadb;
mod overdue;
mod postgres;
mod program;

pub use mariadb::MariaDb;
pub use overdue::watch_this_test;
pub use postgres::{Postgres, Signal};
pub use program::{find, free_port};
