//! A connection to one server. The client writes and reads the protocol; the socket, its
//! encryption, and the bounds of time and size are ours.

use super::bounded::{Allowance, Bounded};
use super::trouble::Trouble;
use crate::config::{RedisFeed, RedisUrl};
use crate::files;
use crate::sources::client_config;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, Value};
use rustls::pki_types::ServerName;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// The time for a connection.
const CONNECTING: Duration = Duration::from_secs(3);
/// The time for an answer.
pub(crate) const ANSWERING: Duration = Duration::from_secs(5);

/// The largest answer, in bytes.
const ANSWER: usize = 16 << 20;

/// The user and the password of the daemon.
pub(crate) struct Credentials {
    user: Option<Box<str>>,
    password: Option<Zeroizing<String>>,
}

/// A connection.
pub(crate) struct Link {
    connection: MultiplexedConnection,
    /// Moves the bytes; with it the connection ends.
    driver: BoxFuture<'static, ()>,
    allowance: Allowance,
    pub(crate) address: String,
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Credentials {
    pub(crate) async fn read(
        user: Option<&str>,
        password_file: Option<&Path>,
    ) -> Result<Self, Trouble> {
        let user = user.map(Box::from);
        let Some(file) = password_file else { return Ok(Self { user, password: None }) };
        let path = file.to_owned();
        #[expect(clippy::disallowed_methods, reason = "one at a time for each feed")]
        let read = tokio::task::spawn_blocking(move || files::read_text(&path, files::MOST)).await;
        let failed = |what: String| Trouble::Password { file: file.display().to_string(), what };
        let text = read.map_err(|error| failed(error.to_string()))?;
        let text = text.map_err(|error| failed(files::words::of_io(&error)))?;
        let text = Zeroizing::new(text);
        let password = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
        Ok(Self { user, password: Some(password) })
    }
}

impl Link {
    /// Connects to a server.
    pub(crate) async fn open(
        feed: &RedisFeed,
        url: &RedisUrl,
        credentials: &Credentials,
    ) -> Result<Self, Trouble> {
        let address = url.to_string();
        let opening = timeout(CONNECTING, Self::open_in_time(feed, url, credentials)).await;
        let slow = || Trouble::Unreachable {
            address,
            what: format!("it does not answer within {} s", CONNECTING.as_secs()),
        };
        opening.unwrap_or_else(|_| Err(slow()))
    }

    async fn open_in_time(
        feed: &RedisFeed,
        url: &RedisUrl,
        credentials: &Credentials,
    ) -> Result<Self, Trouble> {
        let address = url.to_string();
        let unreachable = |error: std::io::Error| Trouble::Unreachable {
            address: address.clone(),
            what: files::words::of_io(&error),
        };
        let stream = TcpStream::connect((&*url.host, url.port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let socket: Box<dyn Socket> = if url.tls {
            Box::new(encrypt(stream, feed, url, &address).await?)
        } else {
            Box::new(stream)
        };
        let allowance = Allowance::default();
        allowance.set(ANSWER);
        let mut info = RedisConnectionInfo::default()
            .set_db(url.database.into())
            .set_lib_name("jwtd", env!("CARGO_PKG_VERSION"));
        if let Some(user) = &credentials.user {
            info = info.set_username(user);
        }
        if let Some(password) = &credentials.password {
            info = info.set_password(&**password);
        }
        // The bounds of time are ours: one command waits for news.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let socket = Bounded::new(socket, allowance.clone());
        let opened = MultiplexedConnection::new_with_config(&info, socket, config).await;
        let (connection, driver) = opened.map_err(|error| Trouble::of(&address, &error))?;
        Ok(Self { connection, driver: Box::pin(driver), allowance, address })
    }

    /// Asks one thing.
    pub(crate) async fn ask(&mut self, command: &Cmd) -> Result<Value, Trouble> {
        self.ask_for(command, ANSWERING).await
    }

    /// Asks one thing that may take so long.
    pub(crate) async fn ask_for(
        &mut self,
        command: &Cmd,
        span: Duration,
    ) -> Result<Value, Trouble> {
        let Self { connection, driver, allowance, address } = self;
        allowance.set(ANSWER);
        let answer = async {
            tokio::select! {
                answer = connection.send_packed_command(command) => answer,
                () = driver => Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()),
            }
        };
        let answer = timeout(span, answer).await;
        let slow = |_| Trouble::Slow { address: address.clone(), span };
        let answer = answer.map_err(slow)?.and_then(Value::extract_error);
        let too_large = allowance.is_used_up();
        answer.map_err(|error| failure(address, &error, too_large))
    }

    /// Asks several things at once; each is answered or refused for itself.
    pub(crate) async fn ask_all(
        &mut self,
        commands: &Pipeline,
        count: usize,
    ) -> Result<Vec<Result<Value, Trouble>>, Trouble> {
        self.ask_all_for(commands, count, ANSWERING).await
    }

    /// Asks several things at once that may take so long.
    pub(crate) async fn ask_all_for(
        &mut self,
        commands: &Pipeline,
        count: usize,
        span: Duration,
    ) -> Result<Vec<Result<Value, Trouble>>, Trouble> {
        let Self { connection, driver, allowance, address } = self;
        allowance.set(ANSWER);
        let answers = async {
            tokio::select! {
                answers = connection.send_packed_commands(commands, 0, count) => answers,
                () = driver => Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()),
            }
        };
        let answers = timeout(span, answers).await;
        let slow = |_| Trouble::Slow { address: address.clone(), span };
        let answers = answers.map_err(slow)?;
        let too_large = allowance.is_used_up();
        let answers = answers.map_err(|error| failure(address, &error, too_large))?;
        if answers.len() != count {
            let what = format!("{} answers to {count} commands", answers.len());
            return Err(Trouble::Answer { address: address.clone(), what });
        }
        let each = answers.into_iter().map(Value::extract_error);
        Ok(each.map(|one| one.map_err(|error| Trouble::of(address, &error))).collect())
    }
}

fn failure(address: &str, error: &redis::RedisError, too_large: bool) -> Trouble {
    if too_large {
        let what = format!("{address} holds a record or a block of more than {ANSWER} bytes");
        return Trouble::Strange { what };
    }
    Trouble::of(address, error)
}

async fn encrypt(
    stream: TcpStream,
    feed: &RedisFeed,
    url: &RedisUrl,
    address: &str,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Trouble> {
    let failed = |what: String| Trouble::Tls { address: address.to_owned(), what };
    let name = ServerName::try_from(url.host.clone());
    let name = name.map_err(|_| failed("it is no name of a host".to_owned()))?;
    let (peer, ca_file, client) = (address.to_owned(), feed.ca_file.clone(), feed.client.clone());
    // Read each time: authorities and certificates are replaced while the daemon runs.
    #[expect(clippy::disallowed_methods, reason = "one at a time for each feed")]
    let config = tokio::task::spawn_blocking(move || {
        client_config(&peer, ca_file.as_deref(), client.as_ref())
    });
    let config = config.await.map_err(|error| failed(error.to_string()))?;
    let config = config.map_err(|error| failed(error.to_string()))?;
    let connector = TlsConnector::from(Arc::new(config));
    let encrypted = connector.connect(name, stream).await;
    encrypted.map_err(|error| failed(crate::certificates::words::of_io(&error)))
}
