//! What this program occupies in memory.

use std::fs;

/// The resident set and the page tables, in bytes: what the machine has less for others.
///
/// # Panics
///
/// Where there is no `/proc/self/status` of Linux's form.
pub fn footprint() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc/self/status of Linux");
    field(&status, "VmRSS:") + field(&status, "VmPTE:")
}

/// The field `name` in bytes.
fn field(status: &str, name: &str) -> u64 {
    let kib: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("/proc/self/status without {name}"));
    kib * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_in_bytes() {
        // The file counts in KiB.
        let status = "Name:\tx\nVmRSS:\t   12 kB\nVmPTE:\t    3 kB\n";
        assert_eq!(field(status, "VmRSS:"), 12 * 1024);
        assert_eq!(field(status, "VmPTE:"), 3 * 1024);
    }

    #[test]
    fn touched_memory_shows() {
        // 64 MiB touched are 64 MiB more, give or take the kernel's per-core counters; other tests
        // may add theirs.
        let before = footprint();
        let block = vec![1_u8; 64 << 20];
        let grown = footprint().saturating_sub(before);
        assert!(block.iter().step_by(4096).all(|&byte| byte == 1));
        assert!(grown > 60 << 20, "{grown}");
    }
}
