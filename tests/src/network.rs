//! Proxies to a local server that fail on request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// Starts a proxy that answers the first requests with 503 and forwards the others. Returns its URL
/// and the request counter.
///
/// # Panics
/// Panics if no port is available.
pub async fn flaky_proxy(to: &str, first: u32) -> (String, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let to: SocketAddr = to.trim_start_matches("http://").parse().expect("an address");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let call = counted.fetch_add(1, Ordering::Relaxed);
            let mut request = vec![0; 65_536];
            let read = client.read(&mut request).await.unwrap_or(0);
            let answer = if call < first {
                let body =
                    r#"{"type":"AbloServerError","code":"instance_at_capacity","message":"full"}"#;
                format!(
                    "HTTP/1.1 503 Full\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes()
            } else {
                let mut server = TcpStream::connect(to).await.expect("the coordinator");
                let head = String::from_utf8_lossy(&request[..read]).replacen(
                    "\r\n",
                    "\r\nconnection: close\r\n",
                    1,
                );
                server.write_all(head.as_bytes()).await.expect("sent");
                let mut answer = Vec::new();
                let _ = server.read_to_end(&mut answer).await;
                answer
            };
            let _ = client.write_all(&answer).await;
        }
    });
    (url, calls)
}

/// A proxy to the coordinator whose connections can be cut.
pub struct Proxy {
    /// The URL of the proxy.
    pub url: String,
    cuts: watch::Sender<bool>,
    accepted: Arc<AtomicU32>,
    to: Arc<Mutex<SocketAddr>>,
}

impl Proxy {
    /// Cuts all open connections.
    pub fn cut(&self) {
        self.cuts.send_replace(false);
    }

    /// Returns the number of connections that were accepted.
    pub fn accepted(&self) -> u32 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Cuts all open connections and forwards new ones to another server.
    ///
    /// # Panics
    /// Panics if a thread has panicked while it held the address.
    pub fn redirect(&self, to: SocketAddr) {
        *self.to.lock().expect("no poison") = to;
        self.cut();
    }

    /// Cuts all open connections and refuses new ones.
    pub fn close(&self) {
        self.cuts.send_replace(true);
    }
}

/// Starts a proxy to a coordinator.
///
/// # Panics
/// Panics if no port is available.
pub async fn proxy(to: &str) -> Proxy {
    let to: SocketAddr = to.trim_start_matches("http://").parse().expect("an address");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (cuts, cut) = watch::channel(false);
    let accepted = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&accepted);
    let to = Arc::new(Mutex::new(to));
    let target = Arc::clone(&to);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let mut cut = cut.clone();
            if *cut.borrow_and_update() {
                continue;
            }
            let to = *target.lock().expect("no poison");
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(to).await else { return };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    _ = cut.changed() => {}
                }
            });
        }
    });
    Proxy { url, cuts, to, accepted }
}

/// A proxy to a Unix socket that can stop to forward anything.
#[derive(Debug)]
pub struct StallingProxy {
    /// The port of the proxy.
    pub port: u16,
    is_stalled: watch::Sender<bool>,
}

impl StallingProxy {
    /// Stops forwarding. Connections stay open, and new ones are accepted.
    pub fn stall(&self) {
        self.is_stalled.send_replace(true);
    }

    /// Forwards again, also what was sent in the meantime.
    pub fn resume(&self) {
        self.is_stalled.send_replace(false);
    }
}

/// Starts a proxy to a Unix socket.
///
/// # Panics
/// Panics if no port is available.
pub async fn stalling_proxy(to: std::path::PathBuf) -> StallingProxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (is_stalled, stalled) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (to, stalled) = (to.clone(), stalled.clone());
            tokio::spawn(async move {
                let mut waiting = stalled.clone();
                if waiting.wait_for(|stalled| !stalled).await.is_err() {
                    return;
                }
                let Ok(server) = UnixStream::connect(to).await else { return };
                let ((client_in, client_out), (server_in, server_out)) =
                    (tokio::io::split(client), tokio::io::split(server));
                tokio::select! {
                    () = forward(client_in, server_out, stalled.clone()) => {}
                    () = forward(server_in, client_out, stalled) => {}
                }
            });
        }
    });
    StallingProxy { port, is_stalled }
}

async fn forward(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    mut stalled: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let Ok(read) = from.read(&mut bytes).await else { return };
        let is_open = stalled.wait_for(|stalled| !stalled).await.is_ok();
        if read == 0 || !is_open || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
