//! `jwtd revocations`: lists, undoes and follows the revocations of a daemon.

use super::{Output, Target, exit_of, misused, table, unanswered};
use crate::clock::rfc3339;
use crate::pb;
use clap::{ArgMatches, Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List revocations
    ///
    /// Prints the active entries that this caller may see. Exits with 0 even if there is none.
    ///
    /// Example: jwtd revocations list --issuer corp --kind subject
    List(List),
    /// Undo revocations
    ///
    /// Prints the undone entries. If other active entries also revoke some of the same tokens,
    /// these are named, and the command exits with 1.
    ///
    /// Example: jwtd revocations undo 0f61c3a5e8d94b7c8a1d2e3f40516273-17
    Undo(Undo),
    /// Follow revocations and undo entries
    ///
    /// Prints the active entries and then every change, until it is interrupted. Exits with 3 if
    /// the daemon ends or refuses.
    ///
    /// Example: jwtd revocations watch --output json
    Watch(Watch),
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    /// Only entries of this issuer: its name in the configuration, or its iss
    #[arg(long, value_name = "NAME", default_value = "")]
    issuer: String,
    /// Only entries of this kind (may be given several times)
    #[arg(long = "kind", value_enum, value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Only entries with this value, such as a jti
    #[arg(long, value_name = "TEXT", default_value = "")]
    value: String,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Args, Debug)]
pub(super) struct Undo {
    #[command(flatten)]
    target: Target,
    /// The ids of the entries
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Args, Debug)]
pub(super) struct Watch {
    #[command(flatten)]
    target: Target,
    /// The output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The kinds of entries.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// One token
    Token,
    /// The tokens of a session
    Session,
    /// The tokens of a subject
    Subject,
    /// The tokens of a client
    Client,
    /// The tokens that a key signed
    Key,
    /// All tokens of an issuer
    Issuer,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Subject => "subject",
            Self::Client => "client",
            Self::Key => "key",
            Self::Issuer => "issuer",
        }
    }
}

impl Command {
    pub(super) fn run(self, matches: &ArgMatches) -> ExitCode {
        let target = match &self {
            Self::List(List { target, .. })
            | Self::Undo(Undo { target, .. })
            | Self::Watch(Watch { target, .. }) => target,
        };
        if let Some(misuse) = target.misuse(matches) {
            return misused(misuse);
        }
        exit_of(async move {
            match self {
                Self::List(list) => list.run().await,
                Self::Undo(undo) => undo.run().await,
                Self::Watch(watch) => watch.run().await,
            }
        })
    }
}

impl List {
    async fn run(self) -> ExitCode {
        let mut client = match self.target.connect().await {
            Ok(client) => client,
            Err(error) => return unanswered(error),
        };
        let (mut entries, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::RevocationServiceListRequest {
                issuer: self.issuer.clone(),
                kinds: self.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
                value: self.value.clone(),
                page_size: 1000,
                page_token,
            };
            let answer = match client.list_revocations(request).await {
                Ok(answer) => answer,
                Err(status) => return unanswered(client.words(&status)),
            };
            match self.output {
                // Print each page at once, because there may be many entries.
                Output::Json => print_entries(&answer.entries, self.output),
                Output::Text => entries.extend(answer.entries),
            }
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if self.output == Output::Text {
            print_entries(&entries, self.output);
        }
        ExitCode::SUCCESS
    }
}

impl Undo {
    async fn run(self) -> ExitCode {
        let mut client = match self.target.connect().await {
            Ok(client) => client,
            Err(error) => return unanswered(error),
        };
        let answer = match client.undo(pb::UndoRequest { ids: self.ids }).await {
            Ok(answer) => answer,
            Err(status) => return unanswered(client.words(&status)),
        };
        print_entries(&answer.undone, self.output);
        for entry in &answer.standing {
            note!("jwtd: still revoked by {}", entry.id);
        }
        if answer.standing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Watch {
    async fn run(self) -> ExitCode {
        let mut client = match self.target.connect().await {
            Ok(client) => client,
            Err(error) => return unanswered(error),
        };
        let request = pb::RevocationServiceWatchRequest::default();
        let mut answers = match client.watch_revocations(request).await {
            Ok(answers) => answers,
            Err(status) => return unanswered(client.words(&status)),
        };
        loop {
            match answers.message().await {
                Ok(Some(answer)) => self.print(&answer),
                Ok(None) => return unanswered("the daemon ended the call"),
                Err(status) => return unanswered(client.words(&status)),
            }
        }
    }

    fn print(&self, answer: &pb::RevocationServiceWatchResponse) {
        match self.output {
            Output::Json => {
                let line = json!({
                    "daemon": answer.daemon,
                    "number": answer.number,
                    "reset": answer.reset,
                    "partial": answer.partial,
                    "added": answer.added.iter().map(to_json).collect::<Vec<_>>(),
                    "removed": answer.removed,
                });
                say!("{line}");
            }
            Output::Text => {
                if answer.reset {
                    say!("in force at {}:", answer.number);
                }
                for entry in &answer.added {
                    say!("+ {}", row(entry).join("  "));
                }
                for id in &answer.removed {
                    say!("- {id}");
                }
            }
        }
    }
}

/// Prints entries.
pub(super) fn print_entries(entries: &[pb::RevocationEntry], output: Output) {
    match output {
        Output::Json => entries.iter().for_each(|entry| say!("{}", to_json(entry))),
        Output::Text if entries.is_empty() => say!("no entries"),
        Output::Text => {
            let rows: Vec<_> = entries.iter().map(|entry| (None::<bool>, row(entry))).collect();
            table::print(
                &["id", "kind", "issuer", "value", "until", "ends", "by", "note"],
                &rows,
                0,
            );
        }
    }
}

/// The kind of an entry, and the value that it revokes.
fn what(revocation: &pb::Revocation) -> (&'static str, &str) {
    let pb::Revocation { token_id, session_id, subject, client_id, key_thumbprint, .. } =
        revocation;
    let all = [
        (Kind::Token, token_id),
        (Kind::Session, session_id),
        (Kind::Subject, subject),
        (Kind::Client, client_id),
        (Kind::Key, key_thumbprint),
    ];
    let found = all.into_iter().find(|(_, value)| !value.is_empty());
    found.map_or((Kind::Issuer.name(), ""), |(kind, value)| (kind.name(), value.as_str()))
}

fn row(entry: &pb::RevocationEntry) -> Vec<String> {
    let none = pb::Revocation::default();
    let revocation = entry.revocation.as_ref().unwrap_or(&none);
    let (kind, value) = what(revocation);
    let time = |seconds: Option<i64>, absent: &str| {
        seconds.map_or_else(
            || absent.to_owned(),
            |seconds| {
                let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
                rfc3339(UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)).replace(".000Z", "Z")
            },
        )
    };
    vec![
        entry.id.clone(),
        kind.to_owned(),
        revocation.issuer.clone(),
        value.to_owned(),
        time(revocation.issued_before, "any time"),
        time(entry.ends_at, "never"),
        entry.source.clone(),
        revocation.comment.clone(),
    ]
}

fn to_json(entry: &pb::RevocationEntry) -> Value {
    let none = pb::Revocation::default();
    let revocation = entry.revocation.as_ref().unwrap_or(&none);
    let (kind, value) = what(revocation);
    json!({
        "id": entry.id,
        "kind": kind,
        "issuer": revocation.issuer,
        "value": value,
        "issued_before": revocation.issued_before,
        "expires_at": revocation.expires_at,
        "recorded_at": entry.recorded_at,
        "ends_at": entry.ends_at,
        "source": entry.source,
        "comment": revocation.comment,
    })
}
