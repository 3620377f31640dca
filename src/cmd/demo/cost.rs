//! CPU time of remembered tokens beside tokens that were never seen.

use crate::client::Client;
use crate::{files, pb};
use bytes::Bytes;
use std::path::Path;
use std::time::Duration;

/// The tokens of one call.
pub(super) const TOKENS: usize = 256;

/// Calls with remembered tokens: their mean is shown, since one call is too short to measure.
const CALLS: u32 = 50;

/// Sends tokens that the daemon has never seen, then the same ones again and again, and shows the
/// CPU time of each token. This process is caller and daemon at once.
pub(super) async fn show(client: &mut Client, tokens: Vec<String>) -> Result<(), String> {
    let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    let tokens: Vec<Bytes> = tokens.into_iter().map(Bytes::from).collect();
    let mut call = async || {
        let verdicts =
            client.verify_batch(tokens.clone(), Vec::new(), pb::VerifyOptions::default()).await;
        let verdicts = verdicts.map_err(|status| status.to_string())?;
        let all = verdicts.iter().all(|verdict| verdict.permit);
        if all { Ok(()) } else { Err("a good token is refused; this is a bug".to_owned()) }
    };
    let begin = cpu();
    call().await?;
    let middle = cpu();
    for _ in 0..CALLS {
        call().await?;
    }
    let Some(((begin, middle), end)) = begin.zip(middle).zip(cpu()) else { return Ok(()) };
    let first = middle.saturating_sub(begin).checked_div(count).unwrap_or_default();
    let again = end.saturating_sub(middle) / CALLS;
    let again = again.checked_div(count).unwrap_or_default();
    let us = |span: Duration| span.as_secs_f64() * 1e6;
    say!();
    say!(
        "CPU for each of {count} good EdDSA tokens in one call, caller and daemon together: {:.1} us \
         when first seen, {:.1} us when remembered.",
        us(first),
        us(again)
    );
    Ok(())
}

/// The CPU time of all threads of this process. Nothing where the kernel does not tell it.
fn cpu() -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for entry in std::fs::read_dir("/proc/self/task").ok()? {
        let path = entry.ok()?.path().join("schedstat");
        // The first number is the time on a CPU, in nanoseconds. A thread may have ended.
        let Ok(text) = files::read_text(Path::new(&path), files::MOST) else { continue };
        sum += Duration::from_nanos(text.split(' ').next()?.parse().ok()?);
    }
    Some(sum)
}
