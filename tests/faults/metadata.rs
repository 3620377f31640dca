//! Metadata that name another issuer, or point to a forbidden location of keys.

use crate::Plan;
use crate::issuer::script::ok;
use crate::issuer::{KEYS, METADATA};
use crate::life::{self, Case, Keys, Scene};
use jwtd_testkit::measured::Row;

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let of_issuer = |name: &str, issuer: fn(&str) -> String| {
        discovered(&format!("metadata of {name}"), &["metadata"], move |scene| {
            let jwks_uri = format!("{}{KEYS}", scene.issuer.origin);
            scene.issuer.metadata(&issuer(&scene.issuer.origin), &jwks_uri)
        })
    };
    let leading = |name: &str, jwks_uri: fn(&Scene) -> String| {
        let name = format!("metadata lead to {name}");
        discovered(&name, &["metadata", "blocked", "resolve"], move |scene| {
            scene.issuer.metadata(&scene.issuer.origin, &jwks_uri(scene))
        })
    };
    let cases = vec![
        of_issuer("the issuer with a slash more", |iss| format!("{iss}/")),
        of_issuer("the issuer in capitals", |iss| iss.replace("http", "HTTP")).in_short(),
        of_issuer("the issuer at another port", |iss| format!("{iss}0")),
        of_issuer("the issuer, percent-encoded", |iss| iss.replace("127", "%3127")),
        of_issuer("another issuer", |_| "https://evil.example".to_owned()),
        leading("another port of this machine", |scene| format!("{}{KEYS}", scene.canary.origin))
            .in_short(),
        leading("http elsewhere", |_| "http://192.0.2.1/keys".to_owned()),
        leading("cloud metadata", |_| "https://169.254.169.254/keys".to_owned()),
        leading("a user and a password", |scene| {
            format!("{}{KEYS}", scene.issuer.origin.replace("://", "://a:b@"))
        }),
        leading("a mapped IPv6 address", |scene| {
            format!("https://[::ffff:127.0.0.1]:{}{KEYS}", scene.canary.port())
        }),
        leading("an address as one number", |scene| {
            format!("https://2130706433:{}{KEYS}", scene.canary.port())
        }),
        leading("a file", |_| "file:///etc/passwd".to_owned()),
        discovered("metadata without jwks_uri", &["metadata"], |scene| {
            format!(r#"{{"issuer":"{}"}}"#, scene.issuer.origin)
        }),
        discovered("metadata that are HTML", &["metadata"], |_| "<html></html>".to_owned()),
    ];
    life::rows(plan, cases)
}

fn discovered(
    name: &str,
    outcomes: &'static [&'static str],
    text: impl Fn(&Scene) -> String + Send + Sync + 'static,
) -> Case {
    let inject = move |scene: &Scene| scene.issuer.put(METADATA, ok(text(scene)));
    Case { keys: Keys::Discovery, ..Case::fails(name, outcomes, inject) }
}
