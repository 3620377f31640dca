//! The settings of a feed over Redis or Valkey.

use super::*;

table! { redis {
    /// The servers: redis://HOST:PORT/DATABASE, or rediss:// with TLS. Of several the first that is
    /// a master is taken. Of a cluster any node will do. With `sentinel`, those of Sentinel.
    url: Node = urls().required();
    /// The name under which Sentinel knows the master.
    sentinel: str = text();
    /// The file with the password of Sentinel itself.
    sentinel_password_file: str = text().beside(&["sentinel"]);
    /// The user of the access control list.
    user: str = text().beside(&["password_file"]);
    /// The file with the password. It is read at each connection.
    password_file: str = text();
    /// The certificate authorities of the servers, in PEM.
    ca_file: str = text().or_else("the certificate authorities of the system");
    /// Our own certificate, in PEM, for servers that ask for one.
    cert_file: str = text().beside(&["key_file"]);
    /// Its private key, in PEM.
    key_file: str = text().beside(&["cert_file"]);
    /// What the names of all keys begin with. It is the same for the whole fleet.
    prefix: str = text().or("jwtd:revocations");
    /// Whether undoings of others are taken over.
    undo: bool = flag().or("true");
    /// Permits redis:// to other machines. Whoever can change what is sent on that network can then
    /// have good tokens refused, undo revocations, and keep them away.
    plaintext: bool = flag().or("false");
} }
