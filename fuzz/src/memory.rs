//! How much memory a call takes at most: an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn taken(bytes: usize) {
    let held = HELD.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(held, Relaxed);
}

fn given(bytes: usize) {
    HELD.fetch_sub(bytes, Relaxed);
}

// SAFETY: everything is left to the allocator of the system; what is added only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        given(layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there for a moment.
        taken(size);
        given(layout.size());
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Runs `call`, and holds it to at most `each` bytes of heap for each byte of the input, and
/// 16 KiB on top.
///
/// # Panics
/// If it takes more.
pub fn bounded<T>(input: usize, each: usize, call: impl FnOnce() -> T) -> T {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = call();
    let most = PEAK.load(Relaxed) - before;
    let allowed = input * each + 16 * 1024;
    assert!(most <= allowed, "{most} bytes for an input of {input}; {allowed} are allowed");
    result
}
