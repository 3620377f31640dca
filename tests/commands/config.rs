//! Tests for `jwtd config`.

use crate::support::{Folder, json};

const FILE: &str = "\
admin: 127.0.0.1:1
issuers:
  corp:
    issuer: https://login.example.com
    audiences: [orders-api]
";

#[test]
fn print_shows_every_setting_and_where_it_comes_from() {
    let folder = Folder::new();
    folder.write("jwtd.yaml", FILE);
    let find = |output: &str, setting: &str| {
        let lines = output.lines().map(json);
        let found = lines.into_iter().find(|line| line["setting"] == setting);
        let found = found.unwrap_or_else(|| panic!("{setting} in {output}"));
        (found["value"].as_str().unwrap().to_owned(), found["from"].as_str().unwrap().to_owned())
    };
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    let arguments = ["config", "print", "--config", "jwtd.yaml", "--output", "json"];
    let output = folder.run_split(&arguments, "").output;
    assert_eq!(find(&output, "admin"), pair("127.0.0.1:1", "jwtd.yaml:1"));
    assert_eq!(find(&output, "issuers.corp.audiences"), pair("[orders-api]", "jwtd.yaml:5"));
    assert_eq!(find(&output, "issuers.corp.clock_skew"), pair("60s", "default"));
    assert_eq!(find(&output, "drain_timeout"), pair("10s", "default"));

    // The environment overrides the file, and a flag overrides both.
    let variables = [("JWTD_ADMIN", "127.0.0.1:2"), ("JWTD_LISTEN", "tcp://127.0.0.1:3")];
    let output = folder.run_with(&variables, &arguments, "").output;
    assert_eq!(find(&output, "admin"), pair("127.0.0.1:2", "JWTD_ADMIN"));
    assert_eq!(find(&output, "listen[0].tcp"), pair("127.0.0.1:3", "JWTD_LISTEN"));
    let with_flag = [&arguments[..], &["--admin", "off"]].concat();
    let output = folder.run_with(&variables, &with_flag, "").output;
    assert_eq!(find(&output, "admin"), pair("off", "--admin"));

    let table = folder.good("config print --issuer https://i --audience a --listen unix:///s", "");
    for line in ["listen[0].unix", "issuers.default.issuer", "--issuer", "--listen", "default"] {
        assert!(table.contains(line), "{line} in {table}");
    }
}

/// A container's environment may name a file; a flag must override it.
#[test]
fn a_flag_goes_before_another_way_that_the_environment_names() {
    let folder = Folder::new();
    folder.write("jwtd.yaml", FILE);
    folder.write("set.json", r#"{"keys":[]}"#);
    let file = [("JWTD_CONFIG", "none.yaml")];
    let by_issuer = ["config", "print", "--issuer", "https://i", "--audience", "a"];
    let ended = folder.run_with(&file, &by_issuer, "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.contains("https://i"), "{ended:?}");
    let issuer = [("JWTD_ISSUER", "https://i"), ("JWTD_AUDIENCE", "a")];
    let by_file = ["config", "print", "--config", "jwtd.yaml"];
    let ended = folder.run_with(&issuer, &by_file, "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.output.contains("https://i "), "{ended:?}");
    for alone in ["JWTD_ISSUER", "JWTD_AUDIENCE", "JWTD_JWKS"] {
        let ended = folder.run_with(&[(alone, "https://i")], &by_file, "");
        assert_eq!(ended.code, Some(0), "{alone} {ended:?}");
    }
    let both = [&file[..], &issuer[..]].concat();
    let ended = folder.run_with(&both, &["config", "print"], "");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.message.contains("exclude each other"), "{ended:?}");
    let ended = folder.run_with(&file, &["jwks", "show", "set.json"], "");
    assert!(!ended.message.contains("none.yaml"), "{ended:?}");
    let ended = folder.run_with(&[], &["jwks", "show", "--config", "jwtd.yaml", "set.json"], "");
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn wrong_flags_and_files_are_told_apart() {
    let folder = Folder::new();
    folder.write("jwtd.yaml", FILE);
    folder.write("bad.yaml", "issuers: { a: { issuer: i } }\n");
    for command in ["config check", "config print", "serve"] {
        let bad = |rest: &str, code, words| folder.bad(&format!("{command}{rest}"), code, words);
        bad("", 2, "give --config FILE, or --issuer URL and --audience NAME");
        bad(" --issuer https://i", 2, "--audience");
        bad(" --config jwtd.yaml --audience a", 2, "--audience goes with --issuer");
        bad(
            " --config jwtd.yaml --issuer i --audience a",
            2,
            "exclude each other; fix: give one of them",
        );
        bad(" --config jwtd.yaml --listen 0.0.0.0:1", 2, "unix:///path/to.sock");
        bad(" --config none.yaml", 78, "none.yaml: cannot be read");
        bad(" --config bad.yaml", 78, "`audiences` is missing");
        bad(" --config bad.yaml", 78, "the issuer `i` does not begin with https://");
        bad(" --config jwtd.yaml --admin here", 78, "--admin: `here` is not an address");
        bad(
            " --config jwtd.yaml --listen tcp://0.0.0.0:1",
            78,
            "--listen: 0.0.0.0:1 is not loopback",
        );
        bad(" --issuer i --audience a", 78, "--issuer: keys cannot be discovered");
        bad(" --issuer i --audience a --jwks none.json", 78, "none.json cannot be read");
        bad(" --issuer i --audience a --jwks http://h/k", 78, "http:// goes only to this machine");
    }
}

#[test]
fn import_says_what_it_left_out_and_whether_the_result_can_be_used() {
    let folder = Folder::new();
    let rule = |uri: &str| {
        format!(
            "kind: RequestAuthentication\nmetadata: {{ name: r }}\nspec:\n  jwtRules:\n  - \
             issuer: https://i\n    fromParams: [t]\n    timeout: 1s\n    jwksUri: {uri}\n"
        )
    };
    let ended = folder.run("config import --from istio", &rule("https://i/keys"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.message.contains("timeout is not carried over"), "{ended:?}");
    folder.write("jwtd.yaml", &ended.output);
    folder.good("config check --config jwtd.yaml", "");
    // In a cluster, keys are often fetched without TLS; jwtd refuses that.
    let ended = folder.run("config import --from istio", &rule("http://keycloak/keys"));
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.contains("http://keycloak/keys"), "it is kept, to be fixed");
    assert!(ended.message.contains("http:// goes only to this machine"), "{ended:?}");
    folder.bad("config import --from envoy", 1, "no `providers`");
    folder.bad("config import --from envoy none.yaml", 1, "none.yaml");
    folder.bad("config import --from nginx", 2, "possible values: envoy, istio");
    folder.bad("config import", 2, "--from");
}
