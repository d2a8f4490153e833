//! Where the bytes go: a TCP connection, with TLS or without, or a Unix socket.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::select_ok;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::client::TlsStream;

use super::super::config::{Address, Tls};
use super::outlet::Socket;
use super::tls;

/// A connection's bytes.
pub enum Stream {
    /// As they are.
    Tcp(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
    /// On this machine.
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Stream {
    /// Connects; to all addresses that a host has at once, for one may lead nowhere.
    pub async fn connect(address: &Address, tls: Option<&Tls>) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => {
                let found = lookup_host((&**host, *port)).await?;
                let attempts: Vec<_> = found.map(|address| Box::pin(TcpStream::connect(address))).collect();
                if attempts.is_empty() {
                    return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
                }
                let (stream, _) = select_ok(attempts).await?;
                stream.set_nodelay(true)?;
                match tls {
                    None => Ok(Self::Tcp(stream)),
                    Some(settings) => Ok(Self::Tls(Box::new(tls::encrypt(settings, host, stream).await?))),
                }
            }
            #[cfg(unix)]
            Address::Unix(path) => tokio::net::UnixStream::connect(&**path).await.map(Self::Unix),
            #[cfg(not(unix))]
            Address::Unix(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "there are no Unix sockets on this system"))
            }
        }
    }

    /// The same socket for other threads; none where what is sent is encrypted first.
    #[cfg(unix)]
    pub fn socket(&self) -> Option<Socket> {
        let again = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().ok();
        match self {
            Self::Tcp(stream) => again(stream.as_fd()).map(|fd| Socket::Tcp(fd.into())),
            Self::Unix(stream) => again(stream.as_fd()).map(|fd| Socket::Unix(fd.into())),
            Self::Tls(_) => None,
        }
    }

    /// The same socket for other threads: none, as sockets here cannot be had twice so simply.
    #[cfg(not(unix))]
    pub fn socket(&self) -> Option<Socket> {
        None
    }

    /// Reads what there is.
    pub fn poll_read(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_read(context, into),
        }
    }

    /// Writes some of it.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    /// Sends what an encrypted stream has kept back.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            _ => Poll::Ready(Ok(())),
        }
    }
}
