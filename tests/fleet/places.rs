//! Redis as operators deploy it: with TLS and an access control list, behind Sentinel, and in a
//! cluster.

use crate::daemons::{Member, refused, wait_for};
use crate::server::{Redis, free_port};
use crate::{Case, Seen, run};
use jwtd_testkit::certificates::{Authority, params};
use jwtd_testkit::launcher::Folder;
use jwtd_testkit::measured::show;
use std::time::Instant;

pub(crate) const CASES: &[Case] = &[
    (
        "TLS, a user and its password from a file",
        "shared with the rights that the docs give; a wrong password is said",
        |_| run(encrypted()),
    ),
    ("Sentinel", "the master that it names, also after a failover", |_| run(sentinel())),
    ("a cluster", "the node that has the keys is found from another", |_| run(cluster())),
];

async fn encrypted() -> Seen {
    let (folder, authority) = (Folder::new(), Authority::new());
    let ca = authority.write(&folder, "ca.pem");
    // OpenSSL treats a certificate that has the name of its authority as self-signed.
    let issued = |host: &str| {
        let mut params = params([host]);
        params.distinguished_name.push(rcgen::DnType::CommonName, host);
        authority.issue(&params)
    };
    let (cert, key) = issued("127.0.0.1").write(&folder, "server");
    let (client_cert, client_key) = issued("jwtd").write(&folder, "client");
    let rights = "~{jwtd:revocations}:* +@read +@write +@connection +eval +info";
    folder.write("acl.acl", format!("user default off\nuser jwtd on >secret {rights}\n"));
    let password = folder.write("password", "secret\n");
    let wrong = folder.write("wrong", "other\n");
    let path = |path: &std::path::Path| path.display().to_string();
    let acl = path(&folder.path("acl.acl"));
    let [ca_file, cert, key] = [&ca, &cert, &key].map(|one| path(one));
    let port = free_port();
    let redis = Redis::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-ca-cert-file",
        &ca_file,
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--aclfile",
        &acl,
    ]);
    let feed = |password: &std::path::Path| {
        format!(
            "{{ url: 'rediss://127.0.0.1:{port}', user: jwtd, password_file: {}, ca_file: {}, \
             cert_file: {}, key_file: {} }}",
            path(password),
            ca_file,
            path(&client_cert),
            path(&client_key)
        )
    };
    let members =
        [Member::start_with(&feed(&password)).await?, Member::start_with(&feed(&password)).await?];
    for member in &members {
        member.until_fresh().await?;
    }
    members[0].revoke("t").await?;
    let shared = refused(&members, &["t".to_owned()]).await?;
    let stranger = Member::start_with(&feed(&wrong)).await?;
    wait_for("logged", async || Ok(stranger.has_logged("refuses the user"))).await?;
    drop(redis);
    Ok(format!("shared in {}", show(shared)))
}

async fn sentinel() -> Seen {
    let mut master = Redis::start();
    let replica = Redis::start();
    replica.tell(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]);
    let folder = Folder::new();
    let file = folder.write(
        "sentinel.conf",
        format!(
            "sentinel monitor m 127.0.0.1 {} 1\nsentinel down-after-milliseconds m 500\nsentinel \
             failover-timeout m 2000\n",
            master.port
        ),
    );
    let sentinel = Redis::start_in(folder, &[&file.display().to_string(), "--sentinel"]);
    let feed = format!("{{ url: '{}', sentinel: m }}", sentinel.url());
    let members = [Member::start_with(&feed).await?, Member::start_with(&feed).await?];
    for member in &members {
        member.until_fresh().await?;
    }
    members[0].revoke("a").await?;
    refused(&members, &["a".to_owned()]).await?;
    wait_for("Sentinel knows the replica", async || {
        let replicas: Vec<redis::Value> = sentinel.ask(&["SENTINEL", "REPLICAS", "m"]);
        Ok(!replicas.is_empty())
    })
    .await?;
    master.kill();
    let begin = Instant::now();
    members[0].revoke("b").await?;
    refused(&members, &["b".to_owned()]).await?;
    for member in &members {
        member.until_fresh().await?;
    }
    Ok(format!("shared again {} after the master was killed", show(begin.elapsed())))
}

async fn cluster() -> Seen {
    let node = || Redis::start_with(&["--cluster-enabled", "yes"]);
    let (one, other) = (node(), node());
    // One node owns the slot of the keys; the feed asks the other one.
    let slot: u64 = one.ask(&["CLUSTER", "KEYSLOT", "{jwtd:revocations}:log"]);
    let (has, lacks) = (&one, &other);
    has.tell(&["CLUSTER", "ADDSLOTSRANGE", "0", "16382"]);
    lacks.tell(&["CLUSTER", "ADDSLOTS", "16383"]);
    has.tell(&["CLUSTER", "MEET", "127.0.0.1", &lacks.port.to_string()]);
    wait_for("the cluster is whole", async || {
        let states = [has, lacks].map(|node| node.ask::<String>(&["CLUSTER", "INFO"]));
        Ok(states.iter().all(|state| state.contains("cluster_state:ok")))
    })
    .await?;
    let members = Member::fleet(2, &[&lacks.url()]).await?;
    members[0].revoke("c").await?;
    let shared = refused(&members, &["c".to_owned()]).await?;
    Ok(format!("slot {slot}, shared in {}", show(shared)))
}
