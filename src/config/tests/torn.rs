//! Tests of partially written files.

use super::Folder;
use crate::config::parse;

#[test]
fn a_file_that_is_cut_anywhere_is_refused_or_means_what_it_says() {
    let folder = Folder::new("cut");
    let text = "admin: off\nissuers:\n  corp:\n    issuer: https://a.example\n    audiences: [a, b]\n    \
                keys: { jwks_uri: https://a.example/keys, refresh: 10s }\nlimits: { batch_tokens: 77 }\n";
    let mut good = 0;
    for length in 0..=text.len() {
        let Some(part) = text.get(..length) else { continue };
        let Ok(config) = parse(part, &folder.0.join("jwtd.yaml")) else { continue };
        good += 1;
        let corp = config.live.issuers.get(config.live.issuers.route("https://a.example").unwrap());
        // Nothing may be assumed that was not written.
        assert!(corp.unwrap().accepts_audience("a") && !corp.unwrap().accepts_any_audience());
        assert!([77, 1000].contains(&config.startup.limits.batch_tokens), "{part}");
    }
    assert!((2..40).contains(&good), "{good}");
}
