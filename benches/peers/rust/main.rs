//! Measures in-process verification in Rust, and the cost of a call to the daemon: the Rust peer of
//! `benches/peers/run`. `benches/peers/README.md` describes its three forms.

#![allow(clippy::disallowed_methods, reason = "it measures by the clock of the machine")]

mod call;
mod span;
mod verify;

use std::process::ExitCode;

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

// The allocator of the daemon and of many servers written in Rust.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("ways") => verify::ways(),
        Some("verify") => Flags(&arguments).verify(),
        Some("call") => Flags(&arguments).call(),
        // `cargo bench` runs every bench, but only `benches/peers/run` uses this one.
        _ => {
            println!("nothing to measure here; see benches/peers/run");
            return ExitCode::SUCCESS;
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Flags of the form `--name value`, in any order.
struct Flags<'a>(&'a [String]);

impl Flags<'_> {
    fn get(&self, name: &str) -> Outcome<&str> {
        let after = self.0.iter().skip_while(|one| *one != name).nth(1);
        Ok(after.ok_or_else(|| format!("{name} is missing"))?)
    }

    fn tokens(&self) -> Outcome<Vec<String>> {
        let text = std::fs::read_to_string(self.get("--tokens")?)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn verify(&self) -> Outcome<()> {
        let question = verify::Question {
            jwk: std::fs::read_to_string(self.get("--jwk")?)?,
            algorithm: self.get("--algorithm")?.to_owned(),
            issuer: self.get("--issuer")?.to_owned(),
            audience: self.get("--audience")?.to_owned(),
        };
        let seconds = self.get("--seconds")?.parse()?;
        verify::run(&question, self.get("--way")?, &self.tokens()?, seconds)
    }

    fn call(&self) -> Outcome<()> {
        let (target, way) = (self.get("--target")?, self.get("--way")?);
        call::run(target, way, &self.tokens()?, self.get("--seconds")?.parse()?)
    }
}
