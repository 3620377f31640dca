//! Exchanges tokens and verdicts with verifiers in other languages, which `tests/interop/opinions`
//! runs.

use super::draft::Draft;
use super::{Comparison, list};
use crate::Plan;
use crate::dice::Dice;
use crate::row::Row;
use crate::tally::Tally;
use crate::world::World;
use jwtd_core::verify::Reason;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

/// Writes `keys.json` and `tokens.jsonl`, one token per line with jwtd's verdict.
pub(crate) fn write(folder: &Path, count: usize, plan: &Plan, world: &World) {
    let issuers = world.homes.iter().map(|home| {
        let set: Value = serde_json::from_str(&home.jwks()).unwrap();
        (home.identifier.clone(), set["keys"].clone())
    });
    let keys = json!({
        "now": world.now,
        "audiences": ["api", "web"],
        "issuers": issuers.collect::<serde_json::Map<_, _>>(),
    });
    std::fs::write(folder.join("keys.json"), keys.to_string()).unwrap();
    let mut file = BufWriter::new(File::create(folder.join("tokens.jsonl")).unwrap());
    let mut dice = Dice::of(plan.seed, 300);
    let mut left = count;
    while left > 0 {
        let draft = Draft::new(&mut dice, world);
        // Tokens that are not text cannot be exchanged.
        let Ok(token) = std::str::from_utf8(&draft.text) else { continue };
        let verdict = world.verdict(token.as_bytes()).map_or("a panic", Reason::code);
        let line = json!({ "token": token, "verdict": verdict, "oddities": draft.oddities });
        writeln!(file, "{line}").unwrap();
        left -= 1;
    }
    file.flush().unwrap();
}

/// Compares the verdicts of `peer` in `PEER.txt` with jwtd's. It has one line for each token:
/// `accept`, or `refuse` and the reason.
pub(crate) fn compare(folder: &Path, peer: &str) -> Row {
    let known = match peer {
        "jose" => list::JOSE,
        "pyjwt" => list::PYJWT,
        other => panic!("nobody knows {other}"),
    };
    let lines = |name: &str| BufReader::new(File::open(folder.join(name)).unwrap()).lines();
    let mut answers = lines(&format!("{peer}.txt"));
    let comparison = Comparison::new(known);
    let row = Row::run(&format!("{peer} on the same tokens"), || {
        let mut tally = Tally::default();
        for line in lines("tokens.jsonl") {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let text = |name: &str| line[name].as_str().unwrap();
            let oddities: Vec<_> = line["oddities"].as_array().unwrap().iter().collect();
            let oddities: Vec<_> = oddities.iter().map(|one| one.as_str().unwrap()).collect();
            let code = text("verdict");
            let ours = Reason::ALL.iter().copied().find(|reason| reason.code() == code);
            let answer = answers.next().expect("an answer for each token").unwrap();
            let theirs = if answer == "accept" { Ok(()) } else { Err(answer) };
            comparison.add(&mut tally, text("token").as_bytes(), &oddities, ours, &theirs);
        }
        tally
    });
    let row = row.must(answers.next().is_none(), "there is one answer for each token");
    // Some entries occur less than once in a hundred thousand tokens.
    comparison.finish(row, false)
}
