//! PASETO v4.public tokens of Countersign.
