//! The commands and their exit codes.

use crate::support::{Ended, ISSUERS, binary, folder, run, start, token};

#[test]
fn a_faulty_configuration_is_one_message_and_exit_78() {
    let folder = folder();
    let file = folder.path("jwtd.yaml");
    let text = "\
listen: [{ tcp: 0.0.0.0:7519 }]
admn: off
issuers:
  a: { issuer: i, clock_skew: 1 minit, keys: { jwks_file: missing.json } }
  b: { issuer: i, audiences: [x], keys: { jwks_file: jwks.json } }
profiles:
  p: { issuers: [c] }
";
    std::fs::write(&file, text).unwrap();
    for arguments in [&["serve"][..], &["config", "check"]] {
        let Ended { code, output, message } =
            run(binary().args(arguments).arg("--config").arg(&file), "");
        assert_eq!((code, &*output), (Some(78), ""));
        for part in [
            ":1:17: listen[0]: 0.0.0.0:7519 is not loopback",
            ":2:1: unknown key `admn`",
            "fix: did you mean `admin`?",
            ":4:6: issuers.a: `audiences` is missing",
            "`1 minit` is not a duration",
            "missing.json cannot be read",
            "`i` is the `iss` of `a` already",
            "there is no issuer `c`",
            ": 7 faults",
        ] {
            assert!(message.contains(part), "{part}\n in {message}");
        }
    }
}

#[test]
fn config_check_and_schema_say_what_is_there() {
    let folder = folder();
    let file = folder.path("jwtd.yaml");
    std::fs::write(&file, format!("listen: [{{ tcp: 127.0.0.1:0 }}]\n{ISSUERS}")).unwrap();
    let Ended { code, output, .. } =
        run(binary().args(["config", "check", "--config"]).arg(&file), "");
    assert_eq!(code, Some(0));
    assert!(output.contains("issuer corp: 1 keys\n  EdDSA \"k\"\nprofile default"), "{output}");
    let Ended { code, output, .. } = run(binary().args(["config", "schema"]), "");
    assert_eq!(code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["issuers"]));
}

#[test]
fn verify_and_health_ask_the_daemon() {
    let daemon = start("");
    for endpoint in [daemon.endpoint(), format!("tcp://{}", daemon.tcp)] {
        let ask = |command: &str, more: &[&str], input: &str| {
            run(binary().arg(command).args(["--endpoint", &endpoint]).args(more), input)
        };
        let good = format!("Bearer {}\n", token(""));
        let Ended { code, output, message } = ask("health", &[], "");
        assert_eq!((code, &*output, &*message), (Some(0), "SERVING\n", ""));
        let Ended { code, output, .. } = ask("verify", &[], &good);
        assert!(code == Some(0) && output.contains("permit   OK      corp \"alice\""), "{output}");
        let Ended { code, output, .. } =
            ask("verify", &["--output", "json"], &format!("{good}x\n"));
        assert_eq!(code, Some(1));
        let lines: Vec<serde_json::Value> =
            output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            (&lines[0]["permit"], &lines[1]["reason"]),
            (&true.into(), &"TOKEN_NOT_COMPACT".into())
        );
        let Ended { code, output, .. } = ask("verify", &["--claims"], &good);
        assert!(code == Some(0) && output.contains(r#""sub":"alice""#), "{output}");
        let Ended { code, message, .. } = ask("verify", &[], "\n");
        assert!(code == Some(2) && message.contains("standard input"), "{message}");
    }
    let Ended { code, message, .. } =
        run(binary().args(["health", "--endpoint", "unix:///nowhere.sock"]), "");
    assert!(code == Some(3) && message.contains("cannot connect"), "{message}");
    assert!(message.contains("start the daemon") && !message.contains("os error"), "{message}");
    let Ended { code, message, .. } = run(binary().args(["health", "--endpoint", "nowhere"]), "");
    assert!(code == Some(2) && message.contains("unix:///path/to.sock"), "{message}");
}

#[test]
fn the_demo_ends_by_itself_with_its_verdicts() {
    let Ended { code, output, message } = run(binary().arg("demo"), "");
    // The table shows the reason of each refusal, and no log line stands between its rows.
    assert_eq!(message, "");
    assert_eq!(code, Some(0));
    let count = |word: &str| output.lines().filter(|line| line.contains(word)).count();
    assert!(count(" permit ") >= 6 && count(" refuse ") >= 10, "{output}");
}
