//! Standard output that cannot be written: its reader has exited, as with `| head`, or the disk is
//! full.

use crate::support::Folder;
use std::fs::OpenOptions;
use std::process::Stdio;

/// Commands that cover all kinds of output: tables, lines, JSON, untrusted text and tokens.
const COMMANDS: [&str; 8] = [
    "keygen --private -",
    "sign --key key.json --iss i --aud a --count 20",
    "inspect",
    "inspect --output json",
    "jwks show jwks.json",
    "config schema",
    "config print --config jwtd.yaml",
    "completions bash",
];

fn folder() -> (Folder, String) {
    let folder = Folder::new();
    let jwks = folder.good("keygen --private key.json", "");
    folder.write("jwks.json", jwks);
    folder.configure("ES256", "jwks_file: jwks.json");
    let token = folder.good("sign --key key.json --iss i --aud a", "");
    (folder, token)
}

#[test]
fn a_reader_that_has_gone_is_no_fault_and_no_success() {
    let (folder, token) = folder();
    for command in COMMANDS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, message) = folder.run_into(command, &token, Stdio::from(writer));
        assert_eq!(code, Some(141), "{command}: {message}");
        assert!(!message.contains("panicked") && !message.contains("pipe"), "{command}: {message}");
    }
}

#[test]
fn a_disk_that_is_full_is_told() {
    let (folder, token) = folder();
    for command in COMMANDS {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, message) = folder.run_into(command, &token, Stdio::from(full));
        assert_eq!(code, Some(1), "{command}: {message}");
        let told = "standard output cannot be written: the file system is full; fix: ";
        assert!(message.contains(told), "{command}: {message}");
    }
}
