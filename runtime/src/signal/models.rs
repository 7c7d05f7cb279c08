//! The pure half of `signal` (see `mod.rs`), as the model checker sees it, and its models.

pub(crate) mod links;
pub(crate) mod table;

#[cfg(test)]
mod tests;
