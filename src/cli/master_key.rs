//! `countersign master-key new`: prints a master key for an operator to keep.

use super::print;
use crate::crypto::MasterKey;
use crate::server::SystemEntropy;

pub(super) fn print_new() {
    print(&MasterKey::generate(&SystemEntropy).to_paserk());
}
