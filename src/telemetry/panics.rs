//! Panics: none is expected. Each is caught where it does the least harm, counted and logged.

use super::limited::limited;
use crate::clock::Clock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Global, because a panic hook belongs to the process.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Installs a hook that counts panics and logs their location, but not their message, which could
/// quote a token.
pub fn observe() {
    std::panic::set_hook(Box::new(|panic| {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        limited!(Clock::system(), ERROR, place, "a panic; this is a bug, please report it");
    }));
}

/// The number of panics since [`observe`].
pub(super) fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_is_counted() {
        let (hook, before) = (std::panic::take_hook(), super::count());
        super::observe();
        let caught = std::panic::catch_unwind(|| panic!("a secret"));
        std::panic::set_hook(hook);
        assert!(caught.is_err());
        assert!(super::count() > before);
    }
}
