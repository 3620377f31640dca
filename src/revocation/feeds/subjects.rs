//! What the subject of an event is here: the sessions and subjects of issuers.

use crate::config::SubjectMapping;
use crate::revocation::Wish;
use jwtd_core::keys::Issuers;
use jwtd_core::verify::RevocationKind;
use jwtd_core::verify::security_event::{EventSubject, EventType, SecurityEvent, SubjectId};

/// What an event revokes; nothing if its subject names nobody who is known here.
///
/// A complex subject may also name a device, a tenant or a group, which no token shows. The user
/// is revoked all the same: a token too many that is refused costs a sign-in.
pub(super) fn wishes(
    event: &SecurityEvent,
    mapping: &SubjectMapping,
    issuers: &Issuers,
) -> Vec<Wish> {
    let Some(EventSubject { simple, user, session }) = &event.subject else {
        return Vec::new();
    };
    let wish = |kind, issuer: &str, value: &str| wish(event, kind, issuer, value);
    let own = |kind: Option<RevocationKind>, value: &str| Some(wish(kind?, &mapping.issuer, value));
    let named = |id: &SubjectId| match id {
        // Only the exact `iss`: the names of the configuration are not for others.
        SubjectId::IssuerSubject { issuer, subject } => {
            issuers.route(issuer).map(|_| wish(RevocationKind::Subject, issuer, subject))
        }
        SubjectId::Opaque(id) => own(mapping.opaque_as, id),
        SubjectId::Email(address) => own(mapping.email_as, address),
        SubjectId::Other => None,
    };
    let users = || simple.iter().chain(user).filter_map(named);
    let sessions = session.iter().filter_map(|id| match id {
        SubjectId::Opaque(id) => own(Some(RevocationKind::Session), id),
        SubjectId::IssuerSubject { .. } | SubjectId::Email(_) | SubjectId::Other => None,
    });
    let sessions: Vec<_> = sessions.collect();
    let narrow = event.event_type == EventType::SessionRevoked
        && mapping.session_as == RevocationKind::Session;
    let users: Vec<_> = users().collect();
    if (narrow || users.is_empty()) && !sessions.is_empty() { sessions } else { users }
}

fn wish(event: &SecurityEvent, kind: RevocationKind, issuer: &str, value: &str) -> Wish {
    let mut names = EventType::REVOKING.into_iter();
    let name = names.find_map(|(one, name)| (one == event.event_type).then_some(name));
    let wish = Wish {
        issuer: issuer.to_owned(),
        comment: name.unwrap_or_default().to_owned(),
        ..Wish::default()
    };
    if kind == RevocationKind::Session {
        return Wish { session_id: value.to_owned(), ended: true, ..wish };
    }
    let issued_before = Some(event.happened_at.seconds());
    Wish { subject: value.to_owned(), issued_before, ..wish }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwtd_core::jose::{Limits, UnixTime};
    use jwtd_core::keys::{Issuer, KeyState, Leeway};

    fn issuers() -> Issuers {
        let issuer = |name: &str, iss: &str| {
            let (algorithms, leeway) = (std::iter::empty().collect(), Leeway::DEFAULT);
            Issuer::new(name, &[iss], algorithms, None, leeway, "test", KeyState::Unavailable)
        };
        let all = vec![issuer("a", "https://a"), issuer("b", "https://b")];
        Issuers::new(all, Limits::DEFAULT).unwrap()
    }

    fn mapping() -> SubjectMapping {
        SubjectMapping {
            session_as: RevocationKind::Session,
            opaque_as: None,
            email_as: None,
            issuer: "a".into(),
        }
    }

    fn of(issuer: &str, subject: &str) -> SubjectId {
        SubjectId::IssuerSubject { issuer: issuer.into(), subject: subject.into() }
    }

    /// What is revoked, as (issuer, `sub`, `sid`).
    fn revoked(
        event_type: EventType,
        [simple, user, session]: [&[SubjectId]; 3],
        mapping: &SubjectMapping,
    ) -> Vec<(String, String, String)> {
        let subject = EventSubject {
            simple: simple.to_vec(),
            user: user.to_vec(),
            session: session.to_vec(),
        };
        let event = SecurityEvent {
            event_type,
            happened_at: UnixTime::from_seconds(7),
            subject: Some(subject),
            state: None,
            status: None,
        };
        let wishes = wishes(&event, mapping, &issuers());
        for wish in &wishes {
            assert_eq!(wish.issued_before, wish.session_id.is_empty().then_some(7));
            assert_eq!(wish.ended, !wish.session_id.is_empty());
        }
        let told = |wish: Wish| (wish.issuer, wish.subject, wish.session_id);
        wishes.into_iter().map(told).collect()
    }

    fn row(issuer: &str, subject: &str, session: &str) -> (String, String, String) {
        (issuer.to_owned(), subject.to_owned(), session.to_owned())
    }

    #[test]
    fn simple_subjects_are_what_the_settings_say() {
        use EventType::{CredentialChange, SessionRevoked};
        let simple = |id: SubjectId, mapping: &SubjectMapping| {
            revoked(CredentialChange, [&[id], &[], &[]], mapping)
        };
        let opaque = || SubjectId::Opaque("x".into());
        let email = || SubjectId::Email("a@b".into());
        assert_eq!(simple(of("https://a", "alice"), &mapping()), [row("https://a", "alice", "")]);
        assert_eq!(simple(of("https://b", "bob"), &mapping()), [row("https://b", "bob", "")]);
        for unknown in [of("a", "alice"), of("https://c", "carl"), opaque(), email()] {
            assert_eq!(simple(unknown, &mapping()), []);
        }
        assert_eq!(simple(SubjectId::Other, &mapping()), []);
        let with = |opaque_as, email_as| SubjectMapping { opaque_as, email_as, ..mapping() };
        let (session, subject) = (Some(RevocationKind::Session), Some(RevocationKind::Subject));
        assert_eq!(simple(opaque(), &with(subject, None)), [row("a", "x", "")]);
        assert_eq!(simple(opaque(), &with(session, None)), [row("a", "", "x")]);
        assert_eq!(simple(email(), &with(None, subject)), [row("a", "a@b", "")]);
        let both = [email(), of("https://a", "alice")];
        let found = revoked(SessionRevoked, [&both, &[], &[]], &mapping());
        assert_eq!(found, [row("https://a", "alice", "")], "each name that is known");
    }

    #[test]
    fn a_session_is_revoked_alone_only_where_it_alone_has_ended() {
        use EventType::{AccountDisabled, SessionRevoked};
        let (alice, session) = ([of("https://a", "alice")], [SubjectId::Opaque("s".into())]);
        let complex = [&[][..], &alice, &session];
        let (user, own) = ([row("https://a", "alice", "")], [row("a", "", "s")]);
        assert_eq!(revoked(SessionRevoked, complex, &mapping()), own);
        assert_eq!(revoked(AccountDisabled, complex, &mapping()), user);
        let wide = SubjectMapping { session_as: RevocationKind::Subject, ..mapping() };
        assert_eq!(revoked(SessionRevoked, complex, &wide), user);
        assert_eq!(revoked(SessionRevoked, [&[], &[], &session], &wide), own);
        // A session whose name is not known here is a part of what the user has.
        let unknown = [SubjectId::Other];
        assert_eq!(revoked(SessionRevoked, [&[], &alice, &unknown], &mapping()), user);
        assert_eq!(revoked(SessionRevoked, [&[], &[], &unknown], &mapping()), []);
        assert_eq!(revoked(SessionRevoked, [&[], &[], &[]], &mapping()), []);
    }
}
