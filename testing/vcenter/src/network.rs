//! What stands between osimage and the world: a web server that has one file and can fail, and a
//! proxy that takes note of what it is asked for.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::write_certificates;

/// What becomes of a request for the file.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The file, or what of it stands behind the position that the request names.
    File,
    /// The whole file, whatever the request names.
    WholeFile,
    /// So many bytes of the answer; then the connection is cut.
    Cut(usize),
    /// A status without a body.
    Status(u16),
    /// The file is at another URL.
    Moved(String),
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// Path of the URL.
    pub path: String,
    /// Header `Range`.
    pub range: Option<String>,
}

/// A web server with one file, whatever the path. It ends with the test.
pub struct FileServer {
    listener: Listener,
    shared: Arc<Files>,
    certificates: Option<TempDir>,
}

#[derive(Default)]
struct Files {
    content: Mutex<Vec<u8>>,
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Requested>>,
}

impl FileServer {
    /// Over HTTP.
    pub fn http(content: &[u8]) -> Self {
        let shared = Arc::new(Files::default());
        let files = Arc::clone(&shared);
        let listener = Listener::start(move |stream| files.answer(stream));
        Self::with(listener, shared, content, None)
    }

    /// Over HTTPS, with a certificate of an authority of its own.
    pub fn https(content: &[u8]) -> Self {
        let certificates = tempfile::tempdir().expect("a folder");
        write_certificates(&certificates);
        let file = |name: &str| certificates.path().join(name);
        let chain = CertificateDer::pem_file_iter(file("server.pem")).expect("a certificate");
        let chain = chain.collect::<Result<_, _>>().expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(file("key.pem")).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
        let config = Arc::new(config);
        let shared = Arc::new(Files::default());
        let files = Arc::clone(&shared);
        let listener = Listener::start(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("TLS");
            files.answer(StreamOwned::new(connection, stream));
        });
        Self::with(listener, shared, content, Some(certificates))
    }

    fn with(
        listener: Listener,
        shared: Arc<Files>,
        content: &[u8],
        certificates: Option<TempDir>,
    ) -> Self {
        let this = Self {
            listener,
            shared,
            certificates,
        };
        this.replace(content);
        this
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.listener.address.to_string()
    }

    /// Without a slash at the end.
    pub fn url(&self) -> String {
        let scheme = if self.certificates.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.listener.address)
    }

    /// File with the authority of its certificate.
    pub fn authority(&self) -> PathBuf {
        let certificates = self.certificates.as_ref().expect("a server with TLS");
        certificates.path().join("authority.pem")
    }

    /// Another file from now on.
    pub fn replace(&self, content: &[u8]) {
        content.clone_into(&mut self.shared.content.lock().expect("nobody panicked"));
    }

    /// How the next requests are answered, one after the other; every one after them with the file.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut queue = self.shared.answers.lock().expect("nobody panicked");
        queue.extend(answers);
    }

    /// The requests since the last time.
    pub fn take_requests(&self) -> Vec<Requested> {
        std::mem::take(&mut self.shared.requests.lock().expect("nobody panicked"))
    }
}

impl Files {
    fn answer(&self, mut stream: impl Read + Write) {
        let Some(head) = read_head(&mut stream) else {
            return;
        };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let range = header(&head, "range");
        let answer = self.answers.lock().expect("nobody panicked").pop_front();
        let answer = answer.unwrap_or(Answer::File);
        let content = self.content.lock().expect("nobody panicked").clone();
        let from = range.as_deref().and_then(|range| {
            let from = range.strip_prefix("bytes=")?.strip_suffix('-')?;
            from.parse::<usize>().ok()
        });
        let from = from.filter(|_| !matches!(answer, Answer::WholeFile));
        let requested = Requested { path, range };
        self.requests
            .lock()
            .expect("nobody panicked")
            .push(requested);
        let (head, body) = match (&answer, from) {
            (Answer::Status(status), _) => (format!("{status} No"), &[][..]),
            (Answer::Moved(url), _) => (format!("302 Found\r\nLocation: {url}"), &[][..]),
            (_, Some(from)) if from >= content.len() => ("416 No".to_owned(), &[][..]),
            (_, Some(from)) => {
                let range = format!("{from}-{}/{}", content.len() - 1, content.len());
                let head = format!("206 Partial\r\nContent-Range: bytes {range}");
                (head, &content[from..])
            }
            (_, None) => ("200 OK".to_owned(), &content[..]),
        };
        let length = body.len();
        let head =
            format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        let sent = match answer {
            Answer::Cut(bytes) => &body[..bytes.min(length)],
            _ => body,
        };
        // Who asked may be gone.
        stream.write_all(head.as_bytes()).ok();
        stream.write_all(sent).ok();
        stream.flush().ok();
    }
}

/// A proxy for HTTPS: it connects to where it is asked to, and takes note of it. It ends with the test.
pub struct ConnectProxy {
    listener: Listener,
    shared: Arc<Connects>,
}

#[derive(Default)]
struct Connects {
    /// Whether everything is refused.
    refuses: AtomicBool,
    /// Where to, and with which `Proxy-Authorization`.
    asked: Mutex<Vec<(String, Option<String>)>>,
}

impl ConnectProxy {
    /// Starts one.
    pub fn start() -> Self {
        let shared = Arc::new(Connects::default());
        let connects = Arc::clone(&shared);
        let listener = Listener::start(move |stream| connects.answer(stream));
        Self { listener, shared }
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.listener.address.to_string()
    }

    /// Refuses everything from now on.
    pub fn refuse(&self) {
        self.shared.refuses.store(true, Ordering::SeqCst);
    }

    /// Where it was asked to connect to, and with which `Proxy-Authorization`.
    pub fn asked(&self) -> Vec<(String, Option<String>)> {
        self.shared.asked.lock().expect("nobody panicked").clone()
    }
}

impl Connects {
    fn answer(&self, mut client: TcpStream) {
        let Some(head) = read_head(&mut client) else {
            return;
        };
        let mut line = head.split(' ');
        let is_connect = line.next() == Some("CONNECT");
        let target = line.next().unwrap_or_default().to_owned();
        let authorization = header(&head, "proxy-authorization");
        let asked = (target.clone(), authorization);
        self.asked.lock().expect("nobody panicked").push(asked);
        let is_refused = self.refuses.load(Ordering::SeqCst) || !is_connect;
        let server = TcpStream::connect(&target).ok().filter(|_| !is_refused);
        let Some(server) = server else {
            client
                .write_all(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
                .ok();
            return;
        };
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok();
        let (from, to) = (client.try_clone(), server.try_clone());
        if let (Ok(from), Ok(to)) = (from, to) {
            std::thread::spawn(move || pass_on(from, to));
        }
        pass_on(server, client);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    std::io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Write).ok();
}

/// Accepts connections, each on a thread of its own, until it is dropped.
struct Listener {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Listener {
    fn start(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let (answer, is_ended) = (Arc::new(answer), Arc::clone(&ended));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_ended.load(Ordering::SeqCst) {
                    break;
                }
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { address, ended }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // It waits for somebody to come.
        TcpStream::connect(self.address).ok();
    }
}

/// The head of a request; `None` where it does not come.
fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}
