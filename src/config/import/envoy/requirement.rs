//! The rules for which request needs which token: `rules`, `requirement_map`, `filter_state_rules`,
//! and the configuration of routes.

use super::Found;
use crate::config::document::Node;
use crate::config::import::fields::Fields;
use crate::config::import::profiles::Demand;

/// The names of the providers of a filter, each with its key that is unique among all filters.
type Keys<'k> = &'k [(String, String)];

pub(super) fn read(filter: &Fields<'_>, keys: Keys<'_>, found: &mut Found) {
    let given = ["rules", "requirement_map", "filter_state_rules"];
    let given = given.map(|name| filter.get(name).is_some());
    if given == [false; 3] {
        let what = "without `rules` Envoy checks nothing; jwtd checks every request that it is \
                    asked about";
        filter.note("rules", what);
    } else {
        found.ruled = true;
        filter.notes().add(
            "requests that match no rule need no token in Envoy: switch its ext_authz filter off \
             on such routes, or they are refused without one"
                .to_owned(),
        );
    }
    for (name, node) in filter.named("requirement_map") {
        let fields = Fields::new(node, format!("requirement_map.{name}"), filter.notes());
        found.demands.extend(demand(name, &fields, keys));
    }
    for (index, rule) in filter.list("rules").into_iter().enumerate() {
        let place = rule.get("match").map_or_else(|| "every request".to_owned(), matched);
        if let Some(name) = rule.text("requirement_name") {
            route(&name, place, found, &rule);
        } else if let Some(requires) = rule.fields("requires") {
            let made = demand(&format!("rule-{}", index.saturating_add(1)), &requires, keys);
            found.demands.extend(made.map(|one| Demand { routes: vec![place], ..one }));
        } else {
            rule.note_all(&format!(
                "no token is needed for {place}: on that route switch Envoy's ext_authz filter \
                 off (`disabled: true` in its ExtAuthzPerRoute), or requests are refused"
            ));
        }
    }
    if let Some(state) = filter.fields("filter_state_rules") {
        let name = state.text("name").unwrap_or_default();
        for (value, node) in state.named("requires") {
            let path = format!("filter_state_rules.requires.{value}");
            let fields = Fields::new(node, path, filter.notes());
            let made = demand(value, &fields, keys);
            let place = format!("requests whose filter state {name} is {value}");
            found.demands.extend(made.map(|one| Demand { routes: vec![place], ..one }));
        }
        let what = "a profile is chosen by the route (`context_extensions`) and by no filter state";
        filter.note("filter_state_rules", what);
    }
}

/// Reads the configuration of one route.
pub(super) fn per_route(fields: &Fields<'_>, found: &mut Found) {
    let place = format!("the route at {}", fields.path);
    if fields.flag("disabled") {
        fields.note_all(
            "no token is needed there: switch Envoy's ext_authz filter off on that route \
             (`disabled: true` in its ExtAuthzPerRoute), or requests are refused",
        );
    } else if let Some(name) = fields.text("requirement_name") {
        found.routes.push((name, place));
    }
}

fn route(name: &str, place: String, found: &mut Found, rule: &Fields<'_>) {
    match found.demands.iter_mut().rev().find(|one| one.name == name) {
        Some(demand) => demand.routes.push(place),
        None => rule.note("requirement_name", "there is no such requirement"),
    }
}

/// Describes the match of a route by its own text.
fn matched(node: &Node) -> String {
    format!("requests that match {}", node.to_json())
}

/// Reads one requirement. It names no provider if no profile can express it; `None` if no token is
/// needed.
fn demand(name: &str, fields: &Fields<'_>, keys: Keys<'_>) -> Option<Demand> {
    let mut found = Alternatives::default();
    found.read(fields, keys);
    let Alternatives { mut any, optional, impossible } = found;
    if any.is_empty() && optional {
        // On its own, it accepts a token of any provider.
        any.extend(keys.iter().map(|(_, key)| (key.clone(), None)));
    } else if any.is_empty() && !impossible {
        fields.note_all("no token is needed there: switch Envoy's ext_authz filter off");
        return None;
    }
    if impossible {
        any.clear();
    }
    Some(Demand { name: name.to_owned(), any, routes: Vec::new() })
}

/// The alternatives that meet a requirement.
#[derive(Default)]
struct Alternatives {
    /// The keys of the providers, each with the audiences that replace its own.
    any: Vec<(String, Option<Vec<String>>)>,
    /// True if a request without a token also meets the requirement.
    optional: bool,
    /// True if jwtd cannot express the requirement.
    impossible: bool,
}

impl Alternatives {
    fn read(&mut self, fields: &Fields<'_>, keys: Keys<'_>) {
        let key = |name: &str| {
            let found = keys.iter().find(|(own, _)| own == name);
            found.map_or_else(|| name.to_owned(), |(_, key)| key.clone())
        };
        if let Some(name) = fields.text("provider_name") {
            self.any.push((key(&name), None));
        }
        if let Some(narrowed) = fields.fields("provider_and_audiences") {
            let name = narrowed.text("provider_name").unwrap_or_default();
            // Audiences that cannot be read must not turn into any audience.
            match narrowed.texts("audiences") {
                Some(audiences) => {
                    self.any.push((key(&name), (!audiences.is_empty()).then_some(audiences)));
                }
                None => self.impossible = true,
            }
        }
        if let Some(list) = fields.fields("requires_any") {
            list.list("requirements").iter().for_each(|one| self.read(one, keys));
        }
        if let Some(list) = fields.fields("requires_all") {
            // Read them anyway, so that every key in them is converted or reported.
            for one in list.list("requirements") {
                Self::default().read(&one, keys);
            }
            let what = "jwtd judges one token of a request, so that no profile is made of it: \
                        requests there are refused until one is written";
            fields.note("requires_all", what);
            self.impossible = true;
        }
        for (name, passes) in [
            ("allow_missing", "requests without a token"),
            ("allow_missing_or_failed", "requests without a token, and with a bad one,"),
        ] {
            // The message has no fields.
            let Some(_empty) = fields.fields(name) else { continue };
            self.optional = true;
            let what = format!(
                "{passes} pass in Envoy, and are refused by jwtd: switch Envoy's ext_authz filter \
                 off on routes that are open to all"
            );
            fields.note(name, &what);
        }
    }
}
