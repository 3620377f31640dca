//! Every configuration in the documentation and the deployments, attacked with valid tokens that
//! were issued for someone else.

use crate::client::Calls as _;
use crate::support::{JWTD, KEY, folder, login_claims, now};
use jwtd::pb::{VerifyBatchRequest, VerifyOptions};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The configuration with the key and the algorithm of these tests, and otherwise unchanged.
fn with_key(config: &str) -> String {
    let mut lines = Vec::new();
    let mut inside = false;
    // Each daemon keeps what it stores in a folder of its own.
    let config = config.replace("/var/lib/jwtd", "state");
    for line in config.lines() {
        inside = inside && line.starts_with("      ");
        if line.starts_with("    keys:") {
            inside = true;
        } else if !inside && !line.starts_with("    algorithms:") {
            lines.push(line.to_owned());
        }
        // Entries on a single line need their closing brace.
        if let Some((issuer, _)) = line.split_once(", keys: {").filter(|_| !inside) {
            lines.pop();
            lines.push(format!("{issuer} }}"));
        }
    }
    let keyed = |line: String| {
        let inline = line.starts_with("  ") && line.contains("{ issuer: ") && line.ends_with('}');
        if line.starts_with("    issuer: ") {
            format!("{line}\n    keys: {{ jwks_file: jwks.json }}")
        } else if inline {
            format!("{}, keys: {{ jwks_file: jwks.json }} }}", line.trim_end_matches([' ', '}']))
        } else {
            line
        }
    };
    lines.into_iter().map(keyed).collect::<Vec<_>>().join("\n") + "\n"
}

/// The YAML blocks of a page that contain `issuers:`, from there on.
fn blocks(page: &str) -> Vec<String> {
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.filter_map(issuers_of).collect()
}

/// The issuers and everything after them, whatever the indentation.
fn issuers_of(text: &str) -> Option<String> {
    let lines: Vec<_> = text.lines().collect();
    let start = lines.iter().position(|line| line.trim_end().trim_start() == "issuers:")?;
    let indent = lines[start].len() - lines[start].trim_start().len();
    let own =
        |line: &&&str| line.trim().is_empty() || line.len() - line.trim_start().len() >= indent;
    let block = lines[start..].iter().take_while(own);
    let block = block.map(|line| line.get(indent..).unwrap_or_default());
    Some(block.collect::<Vec<_>>().join("\n") + "\n")
}

/// For each pair of a profile and a token, in order, true if the profile permits the token.
async fn permits(config: &str, tokens: &[(&str, String)]) -> Vec<bool> {
    let folder = folder();
    for file in ["push.token", "poll.token"] {
        folder.write(file, "secret");
    }
    let daemon = JWTD.start(folder, &config.replace("/etc/jwtd/", ""));
    let mut permits = Vec::new();
    for (profile, token) in tokens {
        let options = VerifyOptions { profile: (*profile).to_owned(), ..Default::default() };
        let request = VerifyBatchRequest {
            tokens: vec![token.clone().into_bytes().into()],
            options: Some(options),
            ..Default::default()
        };
        let answer = daemon.client().await.verify_batch(request).await.unwrap().into_inner();
        permits.push(answer.verdicts[0].permit);
    }
    permits
}

/// A provider of docs/issuers.md: its good tokens, each with its profile, and changes that make
/// them tokens that must be refused there.
struct Recipe {
    name: &'static str,
    issuer: &'static str,
    good: Vec<(&'static str, Value)>,
    /// The index of the good token, a claim and its value; null removes the claim.
    bad: Vec<(usize, &'static str, Value)>,
}

fn recipe(
    name: &'static str,
    issuer: &'static str,
    good: &[(&'static str, Value)],
    bad: &[(usize, &'static str, Value)],
) -> Recipe {
    Recipe { name, issuer, good: good.to_vec(), bad: bad.to_vec() }
}

fn recipes() -> Vec<Recipe> {
    let entra = "11112222-bbbb-3333-cccc-4444dddd5555";
    let api = "00001111-aaaa-2222-bbbb-3333cccc4444";
    let auth0 = "my0iZ8cBx2hQ5rT9vW3yLk1NpOaDfGeS";
    let google = "407408718192-8f3k2q.apps.googleusercontent.com";
    let (okta, cognito) = ("0oa1f2g3h4i5j6k7l8m9", "57cbishk4j24pabc1234567890");
    let spiffe = "spiffe://example.org/ns/shop/sa/orders";
    let repository = "repo:octo-org/octo-repo:ref:refs/heads/main";
    vec![
        recipe(
            "google",
            "https://accounts.google.com",
            &[
                ("", json!({"aud": google, "hd": "example.com", "email_verified": true})),
                ("", json!({"aud": google, "hd": "example.com", "email_verified": "true"})),
            ],
            &[
                (0, "aud", json!("other.apps.googleusercontent.com")),
                (0, "hd", json!("evil.example")),
                (0, "hd", json!("example.com.evil.example")),
                (0, "hd", Value::Null),
                (0, "email_verified", json!(false)),
                (0, "email_verified", json!("false")),
                (0, "email_verified", Value::Null),
            ],
        ),
        recipe(
            "entra",
            "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
            &[
                ("", json!({"aud": api, "azp": entra, "scp": "Orders.Read"})),
                ("applications", json!({"aud": api, "roles": ["Orders.Read.All"]})),
                ("id", json!({"aud": entra})),
            ],
            &[
                (0, "aud", json!("another-api")),
                (0, "aud", json!(entra)),
                (0, "azp", json!("another-client")),
                (0, "azp", Value::Null),
                (0, "scp", json!("Other.Read")),
                (0, "scp", Value::Null),
                (1, "roles", Value::Null),
                (1, "roles", json!(["Other.All"])),
                (1, "scp", json!("Orders.Read")),
                (2, "aud", json!(api)),
                (2, "aud", json!("another-client")),
                (2, "scp", json!("Orders.Read")),
                (2, "azp", json!("another-client")),
            ],
        ),
        recipe(
            "entra-v1",
            "https://sts.windows.net/aaaabbbb-0000-cccc-1111-dddd2222eeee/",
            &[
                (
                    "",
                    json!({"aud": format!("api://{api}"), "appid": entra,
                           "scp": "user_impersonation"}),
                ),
                (
                    "applications",
                    json!({"aud": format!("api://{api}"), "roles": "Orders.Read.All"}),
                ),
            ],
            &[
                (0, "aud", json!("https://graph.microsoft.com")),
                (0, "appid", json!("another-client")),
                (0, "scp", Value::Null),
                (1, "roles", Value::Null),
                (1, "scp", json!("user_impersonation")),
            ],
        ),
        recipe(
            "auth0",
            "https://example.eu.auth0.com/",
            &[
                (
                    "",
                    json!({"aud": ["https://api.example.com", "https://x/userinfo"], "azp": auth0,
                           "scope": "openid read:orders"}),
                ),
                ("id", json!({"aud": auth0})),
            ],
            &[
                (0, "aud", json!("https://x/userinfo")),
                (0, "aud", json!(auth0)),
                (0, "azp", json!("another-client")),
                (0, "scope", json!("openid")),
                (1, "aud", json!("another-client")),
                (1, "aud", json!(["https://api.example.com", "https://x/userinfo"])),
                (1, "scope", json!("read:orders")),
            ],
        ),
        recipe(
            "keycloak",
            "https://keycloak.example.com/realms/shop",
            &[
                (
                    "",
                    json!({"aud": ["orders-api", "account"], "azp": "orders-web", "typ": "Bearer"}),
                ),
                ("id", json!({"aud": "orders-web", "azp": "orders-web", "typ": "ID"})),
            ],
            &[
                (0, "aud", json!("account")),
                (0, "azp", json!("another-client")),
                (0, "azp", Value::Null),
                (0, "typ", json!("ID")),
                (0, "typ", json!("Refresh")),
                (0, "typ", Value::Null),
                (1, "aud", json!("another-client")),
                (1, "typ", json!("Bearer")),
            ],
        ),
        recipe(
            "okta",
            "https://example.okta.com/oauth2/default",
            &[
                ("", json!({"aud": "api://default", "cid": okta, "scp": ["orders.read"]})),
                ("id", json!({"aud": okta})),
            ],
            &[
                (0, "aud", json!(okta)),
                (0, "cid", json!("another-client")),
                (0, "scp", json!(["openid"])),
                (1, "aud", json!("another-client")),
                (1, "scp", json!(["openid"])),
            ],
        ),
        recipe(
            "github-actions",
            "https://token.actions.githubusercontent.com",
            &[(
                "",
                json!({"aud": "https://github.com/octo-org", "sub": repository,
                       "repository_id": "74"}),
            )],
            &[
                (0, "sub", json!("repo:evil/octo-repo:ref:refs/heads/main")),
                (0, "sub", json!("repo:octo-org/octo-repo:pull_request")),
                (0, "sub", json!("repo:octo-org/octo-repo:ref:refs/heads/main-evil")),
                (0, "repository_id", json!("75")),
                (0, "repository_id", Value::Null),
                (0, "aud", json!("https://github.com/evil")),
            ],
        ),
        recipe(
            "cognito",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_EXAMPLE01",
            &[
                ("", json!({"aud": null, "client_id": cognito, "token_use": "access"})),
                ("id", json!({"aud": cognito, "token_use": "id"})),
            ],
            &[
                (0, "client_id", json!("another-client")),
                (0, "client_id", Value::Null),
                (0, "token_use", json!("id")),
                (0, "token_use", Value::Null),
                (1, "aud", json!("another-client")),
                (1, "aud", Value::Null),
                (1, "token_use", json!("access")),
            ],
        ),
        recipe(
            "kubernetes",
            "https://kubernetes.default.svc.cluster.local",
            &[("", json!({"aud": ["orders-api"], "sub": "system:serviceaccount:shop:orders"}))],
            &[
                (0, "sub", json!("system:serviceaccount:shop:orders-evil")),
                (0, "sub", json!("system:serviceaccount:evil:orders")),
                (0, "aud", json!(["https://kubernetes.default.svc.cluster.local"])),
            ],
        ),
        recipe(
            "spire",
            "https://oidc-discovery.example.org",
            &[("", json!({"aud": [spiffe], "sub": "spiffe://example.org/ns/shop/sa/web"}))],
            &[
                (0, "sub", json!("spiffe://evil.example/ns/shop/sa/web")),
                (0, "sub", json!("spiffe://example.org/ns/other/sa/web")),
                (0, "sub", json!("spiffe://example.org/ns/shopping/sa/web")),
                (0, "aud", json!(["spiffe://example.org/ns/shop/sa/billing"])),
            ],
        ),
    ]
}

fn signed(issuer: &str, claims: &Value, change: Option<(&str, &Value)>) -> String {
    let mut all = json!({"iss": issuer, "sub": "alice", "iat": now() - 10, "exp": now() + 300});
    let all_claims = all.as_object_mut().unwrap();
    all_claims.extend(claims.as_object().unwrap().clone());
    all_claims.extend(change.map(|(name, value)| (name.to_owned(), value.clone())));
    all_claims.retain(|_, value| !value.is_null());
    KEY.signed(all)
}

#[tokio::test]
async fn a_token_of_another_client_passes_no_recipe() {
    let blocks = blocks(include_str!("../../docs/issuers.md"));
    let recipes = recipes();
    assert_eq!(blocks.len(), recipes.len(), "every recipe has its table");
    for Recipe { name, issuer, good, bad } in recipes {
        let start = format!("issuers:\n  {name}:\n");
        let block = blocks.iter().find(|block| block.starts_with(&start)).expect(name);
        let mut tokens = Vec::new();
        for (profile, claims) in &good {
            tokens.push((*profile, signed(issuer, claims, None)));
        }
        for (number, claim, value) in &bad {
            let (profile, claims) = &good[*number];
            tokens.push((*profile, signed(issuer, claims, Some((*claim, value)))));
        }
        // A token of one kind under the profile of another.
        for (profile, _) in &good {
            let others = good.iter().filter(|(other, _)| other != profile);
            tokens.extend(others.map(|(_, claims)| (*profile, signed(issuer, claims, None))));
        }
        let permits = permits(&with_key(block), &tokens).await;
        for (number, permit) in permits.into_iter().enumerate() {
            let what = number.checked_sub(good.len()).and_then(|bad_one| bad.get(bad_one));
            assert_eq!(permit, number < good.len(), "{name}, token {number}: {what:?}");
        }
    }
}

/// All files below a folder with this suffix.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Pages and deployments that do not concern a provider have one issuer and one API.
#[tokio::test]
async fn a_token_for_another_service_passes_no_other_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut examples: Vec<(PathBuf, String)> = Vec::new();
    let mut pages = files(&root.join("docs"), ".md");
    pages.push(root.join("README.md"));
    pages.extend(files(&root.join("deploy/helm"), ".md"));
    // These two pages are about providers; the tests of encryption cover the second.
    let of_providers =
        |page: &PathBuf| page.ends_with("issuers.md") || page.ends_with("encryption.md");
    for page in pages.into_iter().filter(|page| !of_providers(page)) {
        let text = std::fs::read_to_string(&page).unwrap();
        examples.extend(blocks(&text).into_iter().map(|block| (page.clone(), block)));
    }
    for file in files(&root.join("deploy"), ".yaml") {
        let text = std::fs::read_to_string(&file).unwrap();
        examples.extend(issuers_of(&text).map(|block| (file, block)));
    }
    assert!(examples.len() > 15, "{}", examples.len());
    for (place, example) in examples {
        assert!(!example.contains("audiences: any"), "{}: {example}", place.display());
        let profile = ["profiles:\n  orders:"].iter().any(|start| example.contains(start));
        let profile = if profile { "orders" } else { "" };
        let claims = login_claims().set("scope", "orders.read").raw("groups", r#"["sales"]"#);
        let claims = claims.raw("email_verified", "true");
        let claims = claims.raw("realm_access", r#"{"roles":["ops"]}"#);
        let trial = example.contains("https://trial.example.com");
        let iss = if trial { "https://trial.example.com" } else { "https://login.example.com" };
        let audience = example.split("audiences: [").nth(1).unwrap();
        let audience = audience.split([',', ']']).next().unwrap();
        let claims = claims.set("iss", iss).set("aud", audience);
        let good = KEY.signed(&claims);
        let header = |typ: &str| KEY.header(&format!(r#","typ":"{typ}""#));
        let tokens = [
            (profile, good),
            (profile, KEY.signed(claims.clone().set("aud", "billing-api"))),
            (profile, KEY.signed(claims.clone().set("aud", "orders-web"))),
            (profile, KEY.signed(claims.clone().without("aud"))),
            (profile, KEY.signed(claims.clone().set("iss", format!("{iss}/")))),
            (profile, KEY.sign(&header("logout+jwt"), &claims.to_string())),
        ];
        let permits = permits(&with_key(&example), &tokens).await;
        assert_eq!(permits, [true, false, false, false, false, false], "{}", place.display());
    }
}

#[test]
fn configurations_keep_what_is_not_about_keys() {
    let text = "x: 1\n  issuers:\n    a: { issuer: https://i, audiences: [b], keys: { preset: kubernetes } }\n    b:\n      issuer: https://b\n      keys:\n        jwks_uri: u\n      audiences: [c]\n  after: 1\nend: 1\n";
    let found = with_key(&issuers_of(text).unwrap());
    let keys = "keys: { jwks_file: jwks.json }";
    let expected = format!(
        "issuers:\n  a: {{ issuer: https://i, audiences: [b], {keys} }}\n  b:\n    issuer: https://b\n    {keys}\n    audiences: [c]\nafter: 1\n"
    );
    assert_eq!(found, expected);
    drop(folder());
}
