//! A coordinator that runs as a process of its own.

use super::Place;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// The key of every data source here.
pub(crate) const SOURCE_KEY: &str = "sk_test_example";

/// A coordinator, and what it said when it started.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: String,
    pub(crate) key: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, and a test that failed leaves nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(place: &Place, args: &[&str], key: Option<&str>) -> Self {
        Self::start_as(place.command(args), key)
    }

    /// Starts it with a clock that is so many seconds ahead.
    pub(crate) fn start_ahead(place: &Place, args: &[&str], key: &str, seconds: i32) -> Self {
        let mut command = place.command(args);
        let found = std::fs::read_dir("/usr/lib").expect("a folder").flatten();
        let library = found
            .map(|arch| arch.path().join("faketime/libfaketimeMT.so.1"))
            .find(|library| library.exists());
        // `faketime` itself would stand between us and the process.
        command.env("LD_PRELOAD", library.expect("faketime is installed by `cargo xtask test`"));
        command.env("FAKETIME", format!("{seconds:+}s")).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Self::start_as(command, Some(key))
    }

    fn start_as(mut command: Command, key: Option<&str>) -> Self {
        command.env("ABLO_SOURCE_KEY", SOURCE_KEY);
        if let Some(key) = key {
            command.env("ABLO_SECRET_KEY", key);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (mut address, mut said) = (None, key.map(str::to_owned));
        let mut all = String::new();
        for line in lines.by_ref() {
            let line = line.expect("a line");
            all.push_str(&line);
            all.push('\n');
            if let Some((_, rest)) = line.split_once("http://") {
                address.get_or_insert(rest.split('/').next().expect("an address").to_owned());
            }
            if let Some(key) = line.trim().strip_prefix("key ") {
                said = Some(key.trim().to_owned());
            }
            if line.contains("Ctrl-C") || line.starts_with("serving") && key.is_some() {
                break;
            }
        }
        std::thread::spawn(move || lines.count());
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("it did not start: {all}")),
            key: said,
        }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.ask_as(self.key.as_deref().unwrap_or_default(), method, path, body)
    }

    pub(crate) fn ask_as(&self, key: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("to ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    /// Ends it as nobody should.
    pub(crate) fn kill(&mut self) {
        let killed = Command::new("kill")
            .args(["-KILL", &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(killed.success());
        self.child.wait().expect("it ended");
    }

    /// Ends it as a person or a supervisor does, and says how it ended.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let done = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(done.success());
        self.child.wait().expect("it ends").code()
    }
}

/// Commits two rows, under an id that follows from them; nothing where no confirmation came.
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
        "POST /v1/commits HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (answer.starts_with("HTTP/1.1 200") && answer.contains("\"confirmed\"")).then_some(())
}
