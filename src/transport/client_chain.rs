//! The certificate chain of a client, and its expiry.

use super::certificate;
use crate::clock::Clock;
use crate::config::ClientAuthorities;
use rustls::pki_types::CertificateDer;
use std::io;
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::watch;

/// The largest stored chain, in bytes of DER. It is stored as long as the connection, and TLS alone
/// would allow 64 KiB.
const MOST: usize = 32 << 10;

/// The longest time between looks at the wall clock: it may be set, and the machine may be
/// suspended, while a timer runs.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The certificates that a client presented and the handshake verified.
#[derive(Debug)]
pub(super) struct ClientChain {
    certificates: Vec<CertificateDer<'static>>,
    /// The `notAfter` of each, in seconds since the epoch, the earliest first.
    ends: Vec<i64>,
}

impl ClientChain {
    /// # Errors
    /// If the chain is too large to be kept.
    pub(super) fn new(presented: &[CertificateDer<'_>]) -> io::Result<Self> {
        let size = presented.iter().map(|one| one.len()).fold(0, usize::saturating_add);
        if size > MOST {
            let what = format!("the client's certificate chain is larger than {MOST} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        // A certificate that cannot be parsed is not part of the verified path.
        let mut ends: Vec<_> = presented.iter().filter_map(certificate::end).collect();
        ends.sort_unstable();
        let certificates = presented.iter().map(|one| one.clone().into_owned()).collect();
        Ok(Self { certificates, ends })
    }

    /// The first second after `now` at which one of the certificates is no longer valid:
    /// `notAfter` itself still belongs to the validity (RFC 5280, section 4.1.2.5).
    fn next_end(&self, now: i64) -> Option<i64> {
        let ends = self.ends.iter().map(|end| end.saturating_add(1));
        ends.into_iter().find(|end| *end > now)
    }
}

/// The conditions under which a TLS connection stays valid.
#[derive(Debug)]
pub(super) struct Session {
    /// `None` if clients need no certificate.
    chain: Option<ClientChain>,
    authorities: watch::Receiver<Option<ClientAuthorities>>,
}

impl Session {
    /// Creates a session; `authorities` starts with those of the handshake, and receives every
    /// later change.
    pub(super) fn new(
        chain: Option<ClientChain>,
        authorities: watch::Receiver<Option<ClientAuthorities>>,
    ) -> Self {
        Self { chain, authorities }
    }

    /// Resolves when a new handshake with the client's certificates would be refused: when the
    /// first certificate of its only path has expired, or its CA was removed. A presented
    /// certificate that is not on the path may expire.
    pub(super) async fn ended(self, clock: Clock) {
        let Self { chain, mut authorities } = self;
        let Some(chain) = chain else { return std::future::pending().await };
        loop {
            tokio::select! {
                () = next_end(&chain, &clock) => {}
                // Without a sender, the files are not read again.
                Ok(()) = authorities.changed() => {}
            }
            let now = clock.wall();
            let current = authorities.borrow_and_update();
            if !current.as_ref().is_some_and(|one| one.accept(&chain.certificates, now)) {
                return;
            }
        }
    }
}

/// Waits until the next certificate of the chain has expired.
async fn next_end(chain: &ClientChain, clock: &Clock) {
    let Some(end) = chain.next_end(clock.wall().seconds()) else {
        return std::future::pending().await;
    };
    let end = Duration::from_secs(u64::try_from(end).unwrap_or_default());
    loop {
        let now = clock.timestamp().duration_since(UNIX_EPOCH).unwrap_or_default();
        match end.checked_sub(now) {
            None | Some(Duration::ZERO) => return,
            Some(left) => clock.sleep(left.min(LOOK_EVERY)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;
    use crate::config::ServerTls;
    use futures_util::poll;
    use jwtd_core::jose::UnixTime;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
    };
    use std::pin::pin;

    const NOW: i64 = 1_800_000_000;
    const SECOND: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_nanos(1);

    type Authority = CertifiedIssuer<'static, KeyPair>;

    /// Parameters of a certificate that is valid for `seconds` after [`NOW`].
    fn params(name: &str, seconds: u64) -> CertificateParams {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let now = Duration::from_secs(NOW.unsigned_abs());
        params.not_after = date_time_ymd(1970, 1, 1) + now + Duration::from_secs(seconds);
        params
    }

    fn of_authority(name: &str, seconds: u64) -> CertificateParams {
        let mut params = params(name, seconds);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn root(name: &str) -> Authority {
        Authority::self_signed(of_authority(name, 1_000_000), KeyPair::generate().unwrap()).unwrap()
    }

    fn leaf(authority: &Authority, seconds: u64) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        params("client.example", seconds).signed_by(&key, authority).unwrap().der().clone()
    }

    /// The CAs, as read from files.
    fn authorities(roots: &[&Authority]) -> ClientAuthorities {
        let folder = crate::files::Folder::temporary().unwrap();
        let file = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = KeyPair::generate().unwrap();
        let own = params("server.example", 1_000_000).self_signed(&key).unwrap();
        let pem: Vec<_> = roots.iter().map(|one| one.pem()).collect();
        let files = ServerTls {
            cert_file: file("crt", own.pem()),
            key_file: file("key", key.serialize_pem()),
            client_ca_file: Some(file("ca", pem.concat())),
            accepts_1_2: false,
        };
        let (_, authorities) = files.load().unwrap();
        authorities.unwrap()
    }

    fn chain(presented: &[CertificateDer<'static>]) -> ClientChain {
        ClientChain::new(presented).unwrap()
    }

    /// Checks that a connection with this chain ends exactly `seconds` plus one second after
    /// [`NOW`]: until then, its certificates are valid.
    async fn ends_after(presented: &[CertificateDer<'static>], root: &Authority, seconds: u32) {
        let sender = watch::Sender::new(Some(authorities(&[root])));
        let time = VirtualClock::at(UnixTime::from_seconds(NOW));
        let session = Session::new(Some(chain(presented)), sender.subscribe());
        let mut ended = pin!(session.ended(time.clock()));
        assert!(poll!(&mut ended).is_pending());
        for _ in 0..seconds {
            time.advance(SECOND);
            assert!(poll!(&mut ended).is_pending());
        }
        time.advance(SECOND - TICK);
        assert!(poll!(&mut ended).is_pending());
        time.advance(TICK);
        assert!(poll!(&mut ended).is_ready());
    }

    #[tokio::test]
    async fn r84_a_connection_ends_with_the_certificate_of_its_client() {
        let root = root("root");
        ends_after(&[leaf(&root, 3)], &root, 3).await;
        ends_after(&[leaf(&root, 100)], &root, 100).await;
    }

    #[tokio::test]
    async fn r84_a_connection_ends_with_the_first_certificate_of_its_path() {
        let root = root("root");
        let middle = of_authority("middle", 5);
        let middle = Authority::signed_by(middle, KeyPair::generate().unwrap(), &root).unwrap();
        ends_after(&[leaf(&middle, 40), middle.der().clone()], &root, 5).await;
        // A presented certificate that is not on the path does not count.
        ends_after(&[leaf(&root, 40), middle.der().clone()], &root, 40).await;
        let junk = CertificateDer::from(vec![0x30, 1, 2, 3]);
        ends_after(&[leaf(&root, 4), junk], &root, 4).await;
    }

    #[tokio::test]
    async fn r84_a_connection_ends_when_its_authority_is_removed() {
        let (root, other) = (root("root"), root("other"));
        let sender = watch::Sender::new(Some(authorities(&[&root])));
        let time = VirtualClock::at(UnixTime::from_seconds(NOW));
        let session = Session::new(Some(chain(&[leaf(&root, 1000)])), sender.subscribe());
        let mut ended = pin!(session.ended(time.clock()));
        assert!(poll!(&mut ended).is_pending());
        sender.send_replace(Some(authorities(&[&other, &root])));
        assert!(poll!(&mut ended).is_pending(), "its authority is still there");
        sender.send_replace(Some(authorities(&[&other])));
        assert!(poll!(&mut ended).is_ready());
    }

    #[tokio::test]
    async fn a_client_without_a_certificate_is_not_watched() {
        let sender = watch::Sender::new(None);
        let time = VirtualClock::at(UnixTime::from_seconds(NOW));
        let mut ended = pin!(Session::new(None, sender.subscribe()).ended(time.clock()));
        sender.send_replace(None);
        time.advance(SECOND * 1_000_000);
        assert!(poll!(&mut ended).is_pending());
    }

    #[test]
    fn a_chain_is_kept_up_to_its_bound() {
        let of = |bytes: usize| ClientChain::new(&[CertificateDer::from(vec![0; bytes])]);
        assert!(of(MOST).is_ok());
        assert!(of(MOST + 1).is_err());
    }
}
