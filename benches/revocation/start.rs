//! Starts the real daemon with many entries: the time, the memory, and a check that it serves.

#[path = "../common/daemon.rs"]
mod daemon;

use super::{ALGORITHM, NOW, Plan, entry, token, value};
use jwtd::client::Client;
use jwtd::clock::Clock;
use jwtd::files::Folder;
use jwtd::pb::{Reason, VerifyOptions};
use jwtd::state::{Added, EntryEnd, RevocationEntry, RevocationStore, StateFolder};
use jwtd_testkit::bench::{Figure, tokens};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// The number of entries in one commit.
const COMMIT: u64 = 50_000;

/// Writes entries as the recorder does.
fn fill(folder: &Path, entries: u64) {
    let store = RevocationStore::open(&StateFolder::open(folder).unwrap(), NOW).unwrap();
    for begin in (0..entries).step_by(COMMIT as usize) {
        let change = store.begin().unwrap();
        for number in begin..entries.min(begin + COMMIT) {
            let (target, standing) = entry(number);
            let (id, end) = (change.new_id().unwrap(), EntryEnd::Never);
            let (source, comment) = ("user 1000".into(), Box::default());
            let entry =
                RevocationEntry { id, target, standing, end, recorded_at: NOW, source, comment };
            assert_eq!(change.add(&entry).unwrap(), Added::New);
        }
        change.commit().unwrap();
    }
}

pub(crate) fn rows(plan: &Plan, rows: &mut Vec<Value>) {
    let million = if plan.quick { 50_000 } else { 1_000_000 };
    let sizes = [(million, true), (10_000_000, plan.ten_million)];
    for (entries, _) in sizes.into_iter().filter(|(_, wanted)| *wanted && plan.wants("start")) {
        let runtime = jwtd::app::client_runtime(2).unwrap();
        let folder = Folder::temporary().unwrap();
        let state = folder.join("state");
        fill(&state, entries);
        let disk = std::fs::metadata(state.join("revocations.redb")).unwrap().len();
        let key = tokens::key(ALGORITHM).unwrap();
        let jwks = [key.to_jwk(tokens::KEY_ID)];
        let root = folder.join("");
        let issuer = tokens::issuer(ALGORITHM);
        let issuer = daemon::issuer(&root, "i", &issuer, ALGORITHM, &jwks).unwrap();
        let text = |revocation: &str| format!("issuers:\n{issuer}{revocation}");
        let revocation = format!(
            "state_dir: {}\nrevocation: {{ max_entries: {} }}\n",
            state.display(),
            entries * 2
        );
        let start = |name: &'static str, text: String| {
            let begin = Instant::now();
            let server = runtime.block_on(daemon::start(&root, name, &text, None)).unwrap();
            (server, begin.elapsed().as_secs_f64())
        };
        let (with, seconds) = start("with", text(&revocation));
        let (without, bare) = start("without", text(""));
        let memory = |server: &jwtd_testkit::measured::Server| server.memory("VmRSS").unwrap();
        let each = (memory(&with) - memory(&without)) * 1024.0 * 1024.0 / entries as f64;
        let peak = with.memory("VmHWM").unwrap();
        // Only revoked tokens are refused: the first and the last one are.
        let now = Clock::system().wall();
        let tokens = [0, entries / 5 * 5 - 5, entries].map(|one| token(&key, 1, &value(one), now));
        let verdicts = runtime.block_on(async {
            let address = format!("unix://{}", with.socket().display()).parse().unwrap();
            let mut client = Client::connect(&address).await.unwrap();
            client
                .verify_batch(tokens.to_vec(), Vec::new(), VerifyOptions::default())
                .await
                .unwrap()
        });
        let reasons: Vec<_> = verdicts.iter().map(|one| one.reason()).collect();
        assert_eq!(reasons, [Reason::Revoked, Reason::Revoked, Reason::Ok]);
        let mut row = |what: &str, value: f64, unit: &'static str| {
            let what = format!("start with {entries} entries, {what}");
            rows.push(json!({ "what": what, "measured": Figure::one(value, unit).json() }));
        };
        row("until it serves", seconds, " s");
        row("until it serves without them", bare, " s");
        row("resident memory of each", each, " bytes");
        row("highest resident memory", peak, " MiB");
        row("disk of each", disk as f64 / entries as f64, " bytes");
    }
}
