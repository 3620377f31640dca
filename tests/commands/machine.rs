//! Tests for the findings of `config check` about the machine, and for invalid log filters.

use crate::support::Folder;
use std::os::unix::fs::PermissionsExt as _;

const ISSUER: &str = "issuers: { corp: { issuer: https://login.example.com, audiences: [a] } }\n";

fn check(folder: &Folder, text: &str) -> String {
    folder.write("jwtd.yaml", format!("{text}\n{ISSUER}"));
    let ended = folder.run("config check --config jwtd.yaml", "");
    assert_eq!(ended.code, Some(78), "{text}: {ended:?}");
    assert!(ended.message.contains("fix: "), "{text}: {ended:?}");
    ended.message
}

#[test]
fn what_would_keep_a_daemon_from_starting_is_told() {
    let folder = Folder::new();
    let long = "x".repeat(120);
    folder.write("file", "");
    std::fs::create_dir(folder.path("open")).unwrap();
    std::fs::set_permissions(folder.path("open"), std::fs::Permissions::from_mode(0o777)).unwrap();
    for (text, words) in [
        (
            format!("listen: [{{ unix: {long}.sock }}]"),
            "is 125 bytes long, and a socket may have 107",
        ),
        ("listen: [{ unix: none/d.sock }]".to_owned(), "the folder none: No such file or folder"),
        ("listen: [{ unix: file/d.sock }]".to_owned(), "file is not a folder"),
        ("listen: [{ unix: file }]".to_owned(), "file exists and is not a socket"),
        ("state_dir: open".to_owned(), "others can write to open (mode 0777)"),
        ("state_dir: file".to_owned(), "file is not a folder"),
        ("audit: { file: none/audit.jsonl }".to_owned(), "the folder none: "),
        (
            "listen: [{ tcp: 127.0.0.1:7519 }, { tcp: 127.0.0.1:7519 }]".to_owned(),
            "127.0.0.1:7519 is used by `listen[0].tcp` already",
        ),
        ("admin: 127.0.0.1:7519".to_owned(), "127.0.0.1:7519 is used by `listen[0].tcp` already"),
        // `[::]` also accepts IPv4 connections, as on nearly every system.
        (
            "listen: [{ tcp: '[::]:7519', plaintext: true }, { tcp: 127.0.0.1:7519 }]".to_owned(),
            "127.0.0.1:7519 is used by `listen[0].tcp` already",
        ),
        ("listen: [{ unix: a }, { unix: a }]".to_owned(), "a is used by `listen[0].unix` already"),
        ("admin: 203.0.113.7:7520".to_owned(), "this machine has no address 203.0.113.7"),
        ("audit: { file: open }".to_owned(), "open is not a regular file"),
    ] {
        let message = check(&folder, &text);
        assert!(message.contains(words), "{text}: {message}");
        assert!(message.contains("jwtd.yaml:1:"), "{text}: {message}");
    }
}

#[test]
fn before_a_rollout_the_files_alone_are_looked_at() {
    let folder = Folder::new();
    let listen = "listen: [{ unix: /run/none/d.sock }, { tcp: 203.0.113.7:443, plaintext: true }]";
    check(&folder, listen);
    folder.good("config check --config jwtd.yaml --files-only", "");
    folder.write("jwtd.yaml", format!("listen: [{{ unxi: /run/none/d.sock }}]\n{ISSUER}"));
    let ended = folder.run("config check --config jwtd.yaml --files-only", "");
    assert!(ended.code == Some(78) && ended.message.contains("unxi"), "{ended:?}");
}

#[test]
fn a_folder_that_is_to_be_made_is_no_fault() {
    let folder = Folder::new();
    folder.write("jwtd.yaml", format!("state_dir: new/state\nadmin: off\n{ISSUER}"));
    folder.good("config check --config jwtd.yaml", "");
    assert!(!folder.path("new").exists(), "it is only asked");
}

#[test]
fn more_connections_than_descriptors_are_a_warning() {
    let folder = Folder::new();
    folder
        .write("jwtd.yaml", format!("limits: {{ connections: 100000000 }}\nadmin: off\n{ISSUER}"));
    let ended = folder.run("config check --config jwtd.yaml", "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.message.contains("warning: jwtd.yaml:1:24: limits.connections: "), "{ended:?}");
    assert!(ended.message.contains("the limit on open files leaves room for"), "{ended:?}");
}

#[test]
fn what_is_no_filter_of_the_log_is_refused() {
    let folder = Folder::new();
    folder.write("jwtd.yaml", ISSUER);
    let serve = ["serve", "--config", "jwtd.yaml"];
    let ended = folder.run_with(&[("JWTD_LOG", "warning")], &serve, "");
    assert!(ended.code == Some(2) && ended.message.contains("did you mean `warn`?"), "{ended:?}");
    folder.bad("serve --config jwtd.yaml --log debgu", 2, "did you mean `debug`?");
    folder.bad("demo --log info,jwtd::grcp=debug", 2, "did you mean `jwtd::grpc`?");
    folder.bad("serve --config jwtd.yaml --workers many", 2, "write a whole number from 1 to 1024");
}

#[test]
fn faults_of_yaml_are_told_without_words_of_a_library() {
    let folder = Folder::new();
    for (text, words) in [
        ("admin: off\nadmin: off", "the key `admin` occurs twice in one mapping"),
        ("admin: off\n---\nadmin: off", "a second document begins here"),
        ("limits:\n\tconnections: 1", "a tab indents this line"),
        ("admin: @here", "a value cannot begin with this character"),
        ("admin: \"off", "ends too early"),
        ("admin: *nothing", "an alias names an anchor that does not exist"),
        ("limits: { connections: 1", "neither YAML nor JSON"),
    ] {
        folder.write("jwtd.yaml", format!("{text}\n"));
        let ended = folder.run("config check --config jwtd.yaml", "");
        assert_eq!(ended.code, Some(78), "{text}: {ended:?}");
        let first = ended.message.lines().next().unwrap();
        for library in
            ["DuplicateKeyPolicy", "from_str", "from_multiple", "serde", "saphyr", "error:"]
        {
            assert!(!ended.message.contains(library), "{text}: {ended:?}");
        }
        println!("{text:?}: {first}");
        assert!(ended.message.contains(words) || words == "ends too early", "{text}: {ended:?}");
    }
}
