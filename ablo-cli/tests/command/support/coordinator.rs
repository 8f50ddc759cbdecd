//! A coordinator or Data Source in a child process.

use super::TestDir;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// The key of every Data Source in these tests.
pub(crate) const SOURCE_KEY: &str = "sk_test_example";

/// A running server, with the address and key that it printed.
pub(crate) struct ServerProcess {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) key: Option<String>,
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ServerProcess {
    pub(crate) fn start(dir: &TestDir, args: &[&str], key: Option<&str>) -> Self {
        Self::start_as(dir.command(args), key)
    }

    /// Starts it with a clock that is ahead by a number of seconds.
    pub(crate) fn start_ahead(dir: &TestDir, args: &[&str], key: &str, seconds: i32) -> Self {
        let mut command = dir.command(args);
        let found = std::fs::read_dir("/usr/lib").expect("a folder").flatten();
        let library = found
            .map(|arch| arch.path().join("faketime/libfaketimeMT.so.1"))
            .find(|library| library.exists());
        // The `faketime` program would be the child process instead.
        command.env("LD_PRELOAD", library.expect("faketime is installed by `cargo xtask test`"));
        command.env("FAKETIME", format!("{seconds:+}s")).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Self::start_as(command, Some(key))
    }

    fn start_as(mut command: Command, key: Option<&str>) -> Self {
        command.env("ABLO_SOURCE_KEY", SOURCE_KEY);
        if let Some(key) = key {
            command.env("ABLO_SECRET_KEY", key);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("ablo starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (mut address, mut output) = (None, key.map(str::to_owned));
        let mut all = String::new();
        for line in lines.by_ref() {
            let line = line.expect("a line");
            all.push_str(&line);
            all.push('\n');
            if let Some((_, rest)) = line.split_once("http://") {
                address.get_or_insert(rest.split('/').next().expect("an address").to_owned());
            }
            if let Some(key) = line.trim().strip_prefix("key ") {
                output = Some(key.trim().to_owned());
            }
            if line.contains("Ctrl-C")
                || line.starts_with("serving") && line.contains(" on http://")
            {
                break;
            }
        }
        std::thread::spawn(move || lines.count());
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("the server did not start: {all}")),
            key: output,
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.request_as(self.key.as_deref().unwrap_or_default(), method, path, body)
    }

    pub(crate) fn request_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("a response");
        let status = answer.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let killed = Command::new("kill")
            .args(["-KILL", &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(killed.success());
        self.child.wait().expect("it exits");
    }

    /// Stops it with SIGTERM and returns its exit status.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let done = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(done.success());
        self.child.wait().expect("it exits").code()
    }
}

/// Commits two rows under an idempotency key that is derived from them. Returns `None` if the
/// commit was not confirmed.
pub(crate) fn try_commit(address: &str, key: &str, ids: &[String; 2]) -> Option<()> {
    let operation = |id: &String| {
        format!(r#"{{"action":"create","model":"projects","id":"{id}","data":{{"name":"{id}"}}}}"#)
    };
    let body = format!(
        r#"{{"clientTxId":"{}","operations":[{},{}]}}"#,
        ids[0],
        operation(&ids[0]),
        operation(&ids[1])
    );
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!(
        "POST /v1/commits HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (answer.starts_with("HTTP/1.1 200") && answer.contains("\"confirmed\"")).then_some(())
}

/// Starts an endpoint that responds 200 to everything.
pub(crate) fn endpoint_that_accepts_everything() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut bytes = [0; 16384];
                // Requests are small and arrive in one read.
                let _ = stream.read(&mut bytes);
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                      content-length: 2\r\nconnection: close\r\n\r\n{}",
                );
            });
        }
    });
    url
}
