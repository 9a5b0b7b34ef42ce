//! The crate as its users see it: tokens that must be good, tokens that must not, and another implementation to agree
//! with.

#[cfg(test)]
mod access;
#[cfg(test)]
mod agreement;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod kit;
#[cfg(test)]
#[path = "../../examples/make_corpus/corpus/mod.rs"]
mod made;
#[cfg(test)]
mod mutations;
mod revocations;
#[cfg(test)]
mod trust_histories;
#[cfg(test)]
mod trust_limits;
#[cfg(test)]
mod trust_view;
