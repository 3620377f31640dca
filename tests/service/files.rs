//! Unexpected file types in place of files, and the files that the daemon creates.

use crate::support::{Ended, Folder, ISSUERS, JWTD, KEY, binary, folder, run};
use jwtd_testkit::tokens::set;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Command;

/// Creates a named pipe in place of a file; nothing opens its other end.
fn pipe(folder: &Folder) -> String {
    let path = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path.display().to_string()
}

/// A configuration whose issuer has these keys.
fn with_keys(keys: &str) -> String {
    format!(
        "issuers:\n  corp: {{ issuer: 'https://a.example', audiences: [a], keys: {{ {keys} }} }}\n"
    )
}

#[test]
fn a_pipe_in_the_place_of_a_file_of_the_configuration_is_a_fault_at_once() {
    let folder = folder();
    let pipe = pipe(&folder);
    let url = "jwks_uri: 'https://127.0.0.1/'";
    let tls = |key: &str| {
        let files = ["cert_file", "key_file", "client_ca_file"]
            .map(|name| format!("{name}: {}", if name == key { &*pipe } else { "none" }));
        format!("listen: [{{ tcp: 127.0.0.1:0, tls: {{ {} }} }}]\n{ISSUERS}", files.join(", "))
    };
    for (name, text) in [
        ("jwks_file", with_keys(&format!("jwks_file: {pipe}"))),
        ("pem_file", with_keys(&format!("pem_file: {pipe}"))),
        ("secret_file", with_keys(&format!("secret_file: {pipe}"))),
        ("bearer_file", with_keys(&format!("{url}, bearer_file: {pipe}"))),
        ("ca_file", with_keys(&format!("{url}, ca_file: {pipe}"))),
        ("cert_file", tls("cert_file")),
        ("key_file", tls("key_file")),
        ("client_ca_file", tls("client_ca_file")),
        (
            "fingerprint_key_file",
            format!("audit: {{ stdout: true, fingerprint_key_file: {pipe} }}\n{ISSUERS}"),
        ),
    ] {
        let file = folder.replace("jwtd.yaml", text);
        let Ended { code, message, .. } =
            run(binary().args(["config", "check", "--config"]).arg(&file), "");
        let told = message.contains(name) && message.contains("is a named pipe and not a file");
        assert!(code == Some(78) && told, "{name}: {code:?} {message}");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_of_a_command_is_refused_at_once() {
    let folder = folder();
    let pipe = pipe(&folder);
    let (claims, key) = (format!("@{pipe}"), folder.path("key.json").display().to_string());
    assert_eq!(
        run(binary().args(["keygen", "--alg", "EdDSA", "--private", &key]), "").code,
        Some(0)
    );
    for arguments in [
        &["config", "check", "--config", &pipe][..],
        &["config", "import", "--from", "envoy", &pipe],
        &["jwks", "show", &pipe],
        &["sign", "--key", &pipe],
        &["sign", "--key", &key, "--claims", &claims],
        &["bench", "--local", "--plot", &pipe],
    ] {
        let Ended { code, message, .. } = run(binary().args(arguments), "");
        let told = message.contains("is a named pipe and not a file");
        assert!(code.is_some_and(|code| code != 0) && told, "{arguments:?}: {code:?} {message}");
    }
}

#[test]
fn a_daemon_does_not_write_its_audit_log_to_what_another_user_laid() {
    let folder = folder();
    let text = format!(
        "listen: [{{ unix: d.sock }}]\nadmin: off\naudit: {{ file: audit.jsonl }}\n{ISSUERS}"
    );
    let file = folder.write("jwtd.yaml", text);
    let victim = folder.write("victim", "kept");
    let log = folder.path("audit.jsonl");
    let refused = |what: &str| {
        let Ended { code, message, .. } = run(binary().arg("serve").arg("--config").arg(&file), "");
        assert!(code == Some(1) && message.contains(what), "{what}: {code:?} {message}");
        std::fs::remove_file(&log).unwrap();
    };
    symlink(&victim, &log).unwrap();
    refused("symbolic link");
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    refused("named pipe");
    assert_eq!(folder.read("victim"), "kept");
}

#[test]
fn mounted_files_of_kubernetes_are_links_and_are_read() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("..1")).unwrap();
    let set = set(&[&KEY]);
    folder.write("..1/jwks.json", set);
    symlink("..1", folder.path("..data")).unwrap();
    symlink("..data/jwks.json", folder.path("jwks.json")).unwrap();
    folder.write(
        "..1/jwtd.yaml",
        format!(
            "listen: [{{ unix: d.sock, mode: \"0604\" }}, {{ tcp: 127.0.0.1:0 }}]\nadmin: \
             127.0.0.1:0\n{}",
            with_keys("jwks_file: jwks.json").replace("keys: {", "algorithms: [EdDSA], keys: {")
        ),
    );
    symlink("..data/jwtd.yaml", folder.path("jwtd.yaml")).unwrap();
    let file = folder.path("jwtd.yaml");
    let daemon = JWTD.serve(folder.clone(), &file);
    assert!(daemon.get("/readyz").starts_with("HTTP/1.1 200"), "{}", daemon.log());
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&folder.path("d.sock")), 0o604);
}
