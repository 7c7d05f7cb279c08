//! Why there is no stack: made where a size, an arena, a guard or a page is refused, and part of what a spawn or
//! the start of a node fails with. Each text names the limit, and the setting that moves it if there is one.

use std::fmt;

/// Why a stack could not be had. Each variant names the limit that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// A stack of no bytes was asked for.
    TooSmall {
        /// Bytes asked for.
        asked: usize,
        /// The smallest size in bytes.
        least: usize,
    },
    /// A stack larger than any class was asked for.
    TooLarge {
        /// Bytes asked for.
        asked: usize,
        /// The largest size in bytes.
        most: usize,
    },
    /// The system has no address space left for another arena.
    AddressSpace {
        /// Bytes that were asked for and refused.
        bytes: usize,
    },
    /// The system has no memory mapping left for another guard.
    ///
    /// Only where the kernel lacks lightweight guards (Linux before 6.13, other systems): there each
    /// stack takes two mappings.
    Mappings {
        /// Stacks that exist.
        stacks: usize,
    },
    /// The kernel has no memory left for page tables.
    Memory,
    /// Any other refusal.
    System {
        /// The system's error number (`errno`).
        code: i32,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            StackError::TooSmall { asked, least } => write!(
                f,
                "a stack of {asked} bytes was asked for; the smallest has {least}"
            ),
            StackError::TooLarge { asked, most } => write!(
                f,
                "a stack of {asked} bytes was asked for; the largest has {most}"
            ),
            StackError::AddressSpace { bytes } => write!(
                f,
                "no address space for stacks: the system refused {bytes} bytes; its limits are \
                 RLIMIT_AS and RLIMIT_DATA (ulimit -v, -d), vm.overcommit_memory and \
                 vm.max_map_count"
            ),
            StackError::Mappings { stacks } => write!(
                f,
                "no memory mapping left to guard another stack ({stacks} stacks exist): \
                 raise vm.max_map_count (two mappings a stack), or use Linux 6.13 or later, where \
                 guards need none"
            ),
            StackError::Memory => f.write_str("the kernel has no memory left to guard a stack"),
            StackError::System { code } => write!(
                f,
                "the system refused a stack: {}",
                std::io::Error::from_raw_os_error(code)
            ),
        }
    }
}

impl std::error::Error for StackError {}
