//! Converts rules into profiles: one for each demand, with the issuers and audiences that a
//! matching request may use. Routes name their profile.

use super::provider::{Provider, unique};
use std::collections::BTreeSet;

/// A demand: a token of any of these providers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Demand {
    /// The name for the profile.
    pub(super) name: String,
    /// The keys of the providers, each with the audiences that replace its own. An empty list
    /// permits nobody.
    pub(super) any: Vec<(String, Option<Vec<String>>)>,
    /// Descriptions of the requests that make the demand.
    pub(super) routes: Vec<String>,
}

/// A jwtd profile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Profile {
    pub(super) name: String,
    /// The indices of its issuers in the list.
    pub(super) issuers: Vec<usize>,
    /// The audiences; `None` means those of the issuers.
    pub(super) audiences: Option<Vec<String>>,
    pub(super) routes: Vec<String>,
    /// True if the profile permits nobody until the operator edits it.
    pub(super) closed: bool,
}

/// A set of audiences; `None` stands for any.
type Audiences = Option<BTreeSet<String>>;

/// Builds profiles from the demands, and extends the audiences of issuers to everything that a
/// demand needs. `places` gives, for each provider of `found`, the index of the issuer that it
/// became.
pub(super) fn profiles(
    demands: &[Demand],
    found: &[Provider],
    places: &[Option<usize>],
    issuers: &mut [Provider],
    notes: &super::Notes,
) -> Vec<Profile> {
    let lookup = |key: &str| found.iter().position(|one| one.key == key);
    // For each demand, the issuers and the audiences that each may accept.
    let mut wanted: Vec<(&Demand, Vec<(usize, Audiences)>)> = Vec::new();
    let mut closed: Vec<&Demand> = Vec::new();
    for demand in demands {
        let mut alternatives: Vec<(usize, Audiences)> = Vec::new();
        for (key, narrowed) in &demand.any {
            let Some((provider, place)) =
                lookup(key).and_then(|at| Some((found.get(at)?, (*places.get(at)?)?)))
            else {
                notes.add(format!(
                    "profile {}: the provider {key} is left out, so that its tokens are refused",
                    demand.name
                ));
                continue;
            };
            let audiences = narrowed.as_ref().unwrap_or(&provider.audiences);
            let audiences: Audiences =
                (!audiences.is_empty()).then(|| audiences.iter().cloned().collect());
            match alternatives.iter_mut().find(|(own, _)| *own == place) {
                Some((_, own)) => *own = union(own.take(), audiences),
                None => alternatives.push((place, audiences)),
            }
        }
        if alternatives.is_empty() {
            notes.add(format!(
                "profile {}: nobody may pass until its `subjects` say who may",
                demand.name
            ));
            closed.push(demand);
        } else {
            wanted.push((demand, alternatives));
        }
    }
    for (place, issuer) in issuers.iter_mut().enumerate() {
        let uses = wanted.iter().flat_map(|(_, all)| all).filter(|(own, _)| *own == place);
        let all = uses.map(|(_, audiences)| audiences.clone()).reduce(union);
        if let Some(all) = all {
            issuer.audiences = all.map(|all| all.into_iter().collect()).unwrap_or_default();
        }
    }
    let mut made: Vec<Profile> = Vec::new();
    for (demand, alternatives) in wanted {
        let (audiences, exact) = common(&alternatives, issuers);
        if !exact {
            notes.add(format!(
                "profile {}: its issuers accept different audiences, which one profile cannot \
                 say: only those that are right for all of them are listed; make a profile for \
                 each issuer if routes need it",
                demand.name
            ));
        }
        let issuers: Vec<_> = alternatives.iter().map(|(place, _)| *place).collect();
        let same = |one: &&mut Profile| one.issuers == issuers && one.audiences == audiences;
        if let Some(one) = made.iter_mut().find(same) {
            one.routes.extend(demand.routes.iter().cloned());
            continue;
        }
        let name = free_name(&demand.name, &made);
        made.push(Profile {
            name,
            issuers,
            audiences,
            routes: demand.routes.clone(),
            closed: false,
        });
    }
    // Keep unsatisfiable demands as closed profiles: without them, another profile would serve
    // their routes.
    for demand in closed {
        let name = free_name(&demand.name, &made);
        let (issuers, routes) = ((0..issuers.len()).collect(), demand.routes.clone());
        made.push(Profile { name, issuers, audiences: None, routes, closed: true });
    }
    made
}

/// A name that no other profile has, and that is not `default`.
fn free_name(name: &str, made: &[Profile]) -> String {
    let taken = made.iter().map(|one| &*one.name).chain(["default"]);
    unique(name, &taken.collect::<Vec<_>>())
}

fn union(one: Audiences, other: Audiences) -> Audiences {
    Some(one?.into_iter().chain(other?).collect())
}

/// The audiences for a profile that grant no issuer more than it may accept, and whether each
/// issuer gets all of its own.
fn common(
    alternatives: &[(usize, Audiences)],
    issuers: &[Provider],
) -> (Option<Vec<String>>, bool) {
    let accepted = |place: usize| -> Audiences {
        let audiences = &issuers.get(place)?.audiences;
        (!audiences.is_empty()).then(|| audiences.iter().cloned().collect())
    };
    if alternatives.iter().all(|(place, wanted)| *wanted == accepted(*place)) {
        return (None, true);
    }
    let candidates: BTreeSet<_> =
        alternatives.iter().filter_map(|(_, wanted)| wanted.clone()).flatten().collect();
    // An issuer that accepts a candidate must be allowed to.
    let fits = |audience: &String| {
        alternatives.iter().all(|(place, wanted)| {
            let accepts = accepted(*place).is_none_or(|all| all.contains(audience));
            !accepts || wanted.as_ref().is_none_or(|wanted| wanted.contains(audience))
        })
    };
    let listed: Vec<_> = candidates.iter().filter(|one| fits(one)).cloned().collect();
    let exact =
        listed.len() == candidates.len() && alternatives.iter().all(|(_, wanted)| wanted.is_some());
    (Some(listed), exact)
}
