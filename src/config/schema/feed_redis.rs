//! The settings of a feed over Redis or Valkey.

use super::*;

table! { redis {
    /// The servers: redis://HOST:PORT/DATABASE, or rediss:// with TLS. Of several, the first that
    /// is a master is used. For a cluster, any node will do. With `sentinel`, the Sentinel servers.
    url: Node = urls().required();
    /// The name of the master in Sentinel.
    sentinel: str = text();
    /// The path of the file with the password for Sentinel itself.
    sentinel_password_file: str = text().beside(&["sentinel"]);
    /// The user in the server's access control list.
    user: str = text().beside(&["password_file"]);
    /// The path of the file with the password. It is read for each connection.
    password_file: str = text();
    /// The certificate authorities of the servers, in PEM.
    ca_file: str = text().or_else("the certificate authorities of the system");
    /// The client certificate, in PEM, for servers that ask for one.
    cert_file: str = text().beside(&["key_file"]);
    /// Its private key, in PEM.
    key_file: str = text().beside(&["cert_file"]);
    /// The prefix of all key names, the same for the whole fleet.
    prefix: str = text().or("jwtd:revocations");
    /// Permits redis:// to other machines. An attacker who can change traffic on that network can
    /// then have good tokens refused, undo revocations, suppress them, and repeat proofs.
    plaintext: bool = flag().or("false");
    /// Applies undo entries of other daemons.
    undo: bool = flag().or("true");
} }

/// `redis` without the setting that only a feed has.
pub(in crate::config) mod shared_memory {
    use super::*;

    pub(in crate::config) const KEYS: &[SettingKey] = match redis::KEYS {
        [rest @ .., _undo] => rest,
        [] => &[],
    };
}
