//! The node of those who are in none; started on first use, or by `#[runtime::main]`.

use parking_lot::Mutex;

use super::Node;
use crate::config::Builder;
use crate::error::StartError;

static DEFAULT: Mutex<Option<&'static Node>> = Mutex::new(None);

/// # Errors
///
/// The node did not start. The next call tries again.
pub(crate) fn default_node() -> Result<&'static Node, StartError> {
    let mut default = DEFAULT.lock();
    match *default {
        Some(node) => Ok(node),
        None => {
            let node: &'static Node = Box::leak(Box::new(Builder::new().start()?));
            *default = Some(node);
            Ok(node)
        }
    }
}

/// Makes a node the default one, if there is none yet.
pub(crate) fn set_default(node: Node) -> Result<&'static Node, Node> {
    let mut default = DEFAULT.lock();
    match *default {
        Some(_) => Err(node),
        None => {
            let node: &'static Node = Box::leak(Box::new(node));
            *default = Some(node);
            Ok(node)
        }
    }
}
