//! Ways to a server on this machine that fail when a test says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Answers the first requests with 503, and passes the others on; gives its address, and how many there were.
///
/// # Panics
/// Where there is no port.
pub async fn failing(to: &str, first: u32) -> (String, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let to: SocketAddr = to.trim_start_matches("http://").parse().expect("an address");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let call = counted.fetch_add(1, Ordering::Relaxed);
            let mut request = vec![0; 65_536];
            let read = here.read(&mut request).await.unwrap_or(0);
            let answer = if call < first {
                let body =
                    r#"{"type":"AbloServerError","code":"instance_at_capacity","message":"full"}"#;
                format!(
                    "HTTP/1.1 503 Full\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes()
            } else {
                let mut there = TcpStream::connect(to).await.expect("the coordinator");
                let head = String::from_utf8_lossy(&request[..read]).replacen(
                    "\r\n",
                    "\r\nconnection: close\r\n",
                    1,
                );
                there.write_all(head.as_bytes()).await.expect("sent");
                let mut answer = Vec::new();
                let _ = there.read_to_end(&mut answer).await;
                answer
            };
            let _ = here.write_all(&answer).await;
        }
    });
    (url, calls)
}

/// A way to the coordinator that can be cut, and closed for good.
pub struct Proxy {
    /// Where clients go instead.
    pub url: String,
    cuts: watch::Sender<bool>,
}

impl Proxy {
    /// Cuts every connection there is.
    pub fn cut(&self) {
        self.cuts.send_replace(false);
    }

    /// Cuts every connection, and lets no other through.
    pub fn close(&self) {
        self.cuts.send_replace(true);
    }
}

/// A way to this coordinator.
///
/// # Panics
/// Where there is no port.
pub async fn proxy(to: &str) -> Proxy {
    let to: SocketAddr = to.trim_start_matches("http://").parse().expect("an address");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (cuts, cut) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let mut cut = cut.clone();
            if *cut.borrow_and_update() {
                continue;
            }
            tokio::spawn(async move {
                let Ok(mut there) = TcpStream::connect(to).await else { return };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                    _ = cut.changed() => {}
                }
            });
        }
    });
    Proxy { url, cuts }
}
