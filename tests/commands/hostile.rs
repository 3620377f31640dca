//! Hostile text in everything that commands read and print: it must not control the user's
//! terminal, or look like a line of jwtd's own output.

use crate::support::{Folder, json};
use jwtd_core::jose::base64url;
use std::io::{Read as _, Write as _};
use std::path::Path;

/// C0 and C1 control characters, bidirectional marks, invisible characters, and line separators.
const EVIL: &str = "a\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\u{7f}\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\
                    \u{2028}\u{2029}\r\nforged";

/// Returns true if a terminal would do anything but show the text.
fn steers(text: &str) -> bool {
    let one = |one: char| {
        matches!(one, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(one, '\u{feff}' | '\u{61c}')
            || (one.is_control() && one != '\n')
    };
    text.contains(one) || text.lines().any(|line| line.starts_with("forged"))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The same in ASCII, because YAML requires some of these characters to be escaped.
fn in_ascii(text: &str) -> String {
    let shown = |one: char| match one {
        ' '..='~' => one.to_string(),
        other => format!("\\u{:04x}", u32::from(other)),
    };
    format!("\"{}\"", text.chars().map(shown).collect::<String>())
}

/// A folder with a key, a configuration, and files with hostile text.
fn folder() -> Folder {
    let folder = Folder::new();
    let evil = in_ascii(EVIL);
    folder.write("jwks.json", folder.good("keygen --alg EdDSA --private key.json --kid k", ""));
    folder.configure("EdDSA", "jwks_file: jwks.json");

    // A key set with IDs and a type that a hostile publisher chose.
    let mut set = json(&folder.read("jwks.json"));
    let mut good = set["keys"][0].clone();
    good["kid"] = EVIL.into();
    let unusable = serde_json::json!({"kty": EVIL, "kid": EVIL, "alg": EVIL});
    set["keys"].as_array_mut().unwrap().extend([good, unusable]);
    folder.write("evil.json", set.to_string());
    // Private keys, whose IDs `sign` lists.
    let key = json(&folder.read("key.json"));
    let key = if key["keys"].is_array() { key["keys"][0].clone() } else { key };
    let mut other = key.clone();
    other["kid"] = EVIL.into();
    folder.write("keys.json", serde_json::json!({"keys": [key, other]}).to_string());
    folder.write(
        "evil.yaml",
        format!(
            "issuers:\n  corp: {{ issuer: https://i, audiences: [a, {evil}], algorithms: [EdDSA], \
             keys: {{ jwks_file: evil.json }} }}\nprofiles:\n  default: {{ issuers: [corp], \
             required_claims: [{evil}] }}\n"
        ),
    );
    // Faults in the middle of raw text, so that lines of the file are shown.
    let faults = |line: &str| {
        format!(
            "issuers:\n  a: {{ issuer: \"i{line}\", \"b{line}\": 1, clock_skew: \"1{line}\" }}\n{evil}: 1\n"
        )
    };
    folder.write("bad.yaml", faults("\u{202e}\u{2066}\u{200b}\u{feff}"));
    folder.write("worse.yaml", faults("\u{9b}31m"));
    folder.write(
        "istio.yaml",
        format!(
            "kind: RequestAuthentication\nmetadata: {{ name: r }}\nspec:\n  jwtRules:\n  - issuer: \
             {evil}\n    {evil}: [t]\n    jwksUri: https://i/keys\n"
        ),
    );
    folder
}

fn tokens(folder: &Folder) -> String {
    let encode = |text: &str| base64url::encode(text.as_bytes());
    let evil = quoted(EVIL);
    let claims = format!(r#"{{"iss":"https://i","aud":"a","sub":{evil},{evil}:{evil}}}"#);
    let sign = ["sign", "--key", "key.json", "--claims", &claims];
    let good = folder.run_split(&sign, "");
    assert_eq!(good.code, Some(0), "{good:?}");
    let header = format!(r#"{{"alg":"EdDSA","kid":{evil},"typ":{evil}}}"#);
    let payload = format!(r#"{{"iss":{evil},"aud":{evil},"scope":{evil},{evil}:{evil}}}"#);
    let foreign = format!(r#"{{"iss":"https://i","aud":{evil},"scope":{evil}}}"#);
    let raw = EVIL.replace(['\r', '\n'], "");
    [
        good.output.trim_end().to_owned(),
        format!("{}.{}.AAAA", encode(&header), encode(&payload)),
        format!("{}.{}.AAAA", encode(&header), encode(&foreign)),
        format!("{}.{}.AAAA", encode(EVIL), encode(EVIL)),
        raw,
    ]
    .join("\n")
}

#[test]
fn t71_no_command_lets_text_of_others_steer_the_terminal() {
    let folder = folder();
    let tokens = tokens(&folder);
    let socket = format!("unix:///{EVIL}");
    let named = EVIL.replace('\u{7f}', "");
    folder.write(&named, "issuers: [");
    let mut runs: Vec<Vec<&str>> = Vec::new();
    for ways in [&["--config", "jwtd.yaml"][..], &["--config", "evil.yaml"]] {
        for command in [
            &["inspect"][..],
            &["inspect", "--output", "json"],
            &["inspect", "--profile", EVIL],
            &["verify"],
            &["verify", "--output", "json"],
            &["verify", "--explain"],
            &["verify", "--explain", "--output", "json"],
            &["verify", "--claims"],
            &["verify", "--claims", "--output", "json"],
            &["verify", "--scope", EVIL],
            &["verify", "--scope", EVIL, "--explain"],
            &["verify", "--profile", EVIL],
            &["verify", "--claim", EVIL, "--attribute", EVIL],
            &["config", "check"],
            &["config", "print"],
            &["config", "print", "--output", "json"],
            &["jwks", "show"],
            &["jwks", "show", "--output", "json"],
        ] {
            runs.push([command, ways].concat());
        }
    }
    runs.extend([
        vec!["inspect"],
        vec!["inspect", "--output", "json"],
        vec!["config", "check", "--config", "bad.yaml"],
        vec!["config", "check", "--config", "worse.yaml"],
        vec!["config", "print", "--config", &named],
        vec!["serve", "--config", "bad.yaml"],
        vec!["serve", "--config", &named],
        vec!["serve", "--issuer", EVIL, "--audience", EVIL],
        vec!["serve", "--config", "jwtd.yaml", "--log", EVIL],
        vec!["config", "import", "--from", "istio", "istio.yaml"],
        vec!["config", "import", "--from", "envoy", &named],
        vec!["config", "import", "--from", EVIL],
        vec!["jwks", "show", "evil.json"],
        vec!["jwks", "show", "evil.json", "--output", "json"],
        vec!["jwks", "show", &named],
        vec!["jwks", "show", "--admin", EVIL],
        vec!["jwks", "fetch", "--issuer", EVIL],
        vec!["jwks", "fetch", "--url", EVIL],
        vec!["keygen", "--kid", EVIL, "--private", "-"],
        vec!["keygen", "--private", &named],
        vec!["keygen", "--private", EVIL, "--public", "p"],
        vec!["sign", "--key", &named],
        vec!["sign", "--key", "keys.json"],
        vec!["sign", "--key", "keys.json", "--kid", "none\u{9b}"],
        vec!["sign", "--key", "key.json", "--kid", EVIL, "--typ", EVIL, "--exp", EVIL],
        vec!["sign", "--key", "key.json", "--claims", EVIL],
        vec!["health", "--endpoint", &socket],
        vec!["verify", "--endpoint", &socket],
        vec!["bench", "--endpoint", &socket, "--tokens", &named],
        vec!["demo", "--log", EVIL],
        vec!["man", EVIL],
        vec!["completions", EVIL],
        vec![EVIL],
        vec!["serve", "--a\u{9b}\n\u{202e}forged=1"],
    ]);
    let mut told = 0;
    for arguments in runs {
        let ended = folder.run_split(&arguments, &tokens);
        let both = format!("{}\n{}", ended.output, ended.message);
        assert!(!steers(&both), "{arguments:?}: {both:?}");
        assert!(ended.code.is_some_and(|code| code != 101), "{arguments:?}: {ended:?}");
        told += usize::from(both.contains("\\u009b") || both.contains("\\u{9b}"));
    }
    // The text must be shown, not just omitted.
    assert!(told > 40, "{told}");
    // JSON output must contain the text with JSON escapes.
    let shown = folder.run("inspect --output json", &tokens).output;
    assert_eq!(json(shown.lines().nth(1).unwrap())["header"]["kid"], EVIL);
    let shown = folder.good("jwks show evil.json --output json", "");
    assert_eq!(json(&shown)["keys"][1]["key_id"], EVIL);
    let made = folder.run_split(&["keygen", "--kid", EVIL, "--private", "-"], "");
    assert_eq!(json(&made.output)["keys"][0]["kid"], EVIL);
    // Environment variables in the help are untrusted text too.
    let help = folder.run_with(&[("JWTD_CONFIG", EVIL)], &["serve", "--help"], "");
    assert!(!steers(&format!("{}{}", help.output, help.message)), "{help:?}");
}

/// Serves `text` to one client; returns the address.
fn serve_once(text: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
        stream.write_all(format!("{head}{text}").as_bytes()).unwrap();
    });
    address
}

#[test]
fn a_fetched_set_is_printed_as_an_equal_one_that_steers_nothing() {
    let folder = folder();
    let set = folder.read("evil.json").replace(',', ",\t\r\n");
    let address = serve_once(set.clone());
    let ended = folder.run(&format!("jwks fetch --url http://{address}/k"), "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!steers(&ended.output) && !steers(&ended.message), "{ended:?}");
    assert_eq!(json(&ended.output), json(&set));
    assert!(ended.message.contains("\\u{9b}"), "{ended:?}");
}

#[test]
fn t71_no_line_of_the_log_is_forged() {
    let folder = folder();
    let socket = "a\u{9b}\u{202e}\nforged";
    let config = folder.read("evil.yaml");
    folder.write(
        "jwtd.yaml",
        format!("listen: [{{ unix: {} }}]\nadmin: 127.0.0.1:0\n{config}", in_ascii(socket)),
    );
    for format in ["text", "json"] {
        let process =
            folder.begin(&format!("serve --config jwtd.yaml --log debug --log-format {format}"));
        let told = |log: &str| log.contains("serving probes").then_some(());
        process.log.wait_for("admin port", told);
        folder.replace("jwtd.yaml", folder.read("bad.yaml"));
        let told = |log: &str| log.contains("previous configuration stays in force").then_some(());
        process.log.wait_for("failed reload", told);
        folder.replace(
            "jwtd.yaml",
            format!("listen: [{{ unix: {} }}]\nadmin: 127.0.0.1:0\n{config}", in_ascii(socket)),
        );
        assert!(Path::new(&folder.path(socket)).exists());
        assert!(process.signal("TERM"));
        let ended = process.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!steers(&ended.message), "{}", ended.message);
        assert!(ended.message.contains("\\u009b"), "{}", ended.message);
        if format == "json" {
            ended.message.lines().for_each(|line| drop(json(line)));
        }
    }
}
