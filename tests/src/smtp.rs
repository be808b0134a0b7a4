//! A mail server that keeps what it gets, and does what a test wants of it.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    pkey::PKey,
    rsa::Rsa,
    ssl::{SslAcceptor, SslMethod},
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};

/// A mail server on a port of this machine. It lives as long as the process.
#[derive(Clone)]
pub struct Sink {
    /// Where it listens.
    pub port: u16,
    state: Arc<State>,
}

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The argument of `MAIL FROM`.
    pub from: String,
    /// The argument of each `RCPT TO`.
    pub to: Vec<String>,
    /// Headers and body, with the dots as they were before the journey.
    pub data: String,
}

/// What a server does about encryption.
pub enum Encryption {
    /// It has none.
    None,
    /// It offers STARTTLS, with this certificate.
    StartTls(Certificate),
    /// It expects TLS from the first byte, with this certificate.
    Implicit(Certificate),
}

/// A self-signed certificate and its key.
pub struct Certificate {
    acceptor: SslAcceptor,
    /// The certificate, for those who are to believe it.
    pub pem: Vec<u8>,
}

#[derive(Default)]
struct State {
    behaviour: Mutex<Behaviour>,
    log: Mutex<Log>,
    changed: Condvar,
    calls: AtomicUsize,
}

#[derive(Default)]
struct Behaviour {
    is_down: bool,
    answers: Vec<(&'static str, String)>,
    hangs: bool,
}

#[derive(Default)]
struct Log {
    messages: Vec<Received>,
    commands: Vec<String>,
}

impl Sink {
    /// A server without encryption that takes everything.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Encryption::None)
    }

    /// A server that takes everything.
    ///
    /// # Panics
    /// There is no free port.
    #[must_use]
    pub fn start_with(encryption: Encryption) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (state, encryption) = (Arc::<State>::default(), Arc::new(encryption));
        let sink = Self { port, state: state.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, encryption) = (state.clone(), encryption.clone());
                state.calls.fetch_add(1, Ordering::SeqCst);
                if !lock(&state.behaviour).is_down {
                    // A conversation that breaks off is a client's to notice.
                    thread::spawn(move || drop(greet(stream, &state, &encryption)));
                }
            }
        });
        sink
    }

    /// Whether it hangs up on whoever calls.
    pub fn set_down(&self, is_down: bool) {
        lock(&self.state.behaviour).is_down = is_down;
    }

    /// Answers a command (`MAIL`, `RCPT`, `DATA`, `.` for the message, `AUTH`) with this from now on.
    pub fn answer(&self, command: &'static str, with: &str) {
        lock(&self.state.behaviour).answers.insert(0, (command, with.to_owned()));
    }

    /// Answers as at the start again.
    pub fn answer_well(&self) {
        lock(&self.state.behaviour).answers.clear();
    }

    /// Whether it takes messages and then says nothing any more.
    pub fn set_hanging(&self, hangs: bool) {
        lock(&self.state.behaviour).hangs = hangs;
    }

    /// The messages that it took over so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.log).messages.clone()
    }

    /// The messages, once there are this many.
    ///
    /// # Panics
    /// They do not come.
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let log = lock(&self.state.log);
        let few = |log: &mut Log| log.messages.len() < count;
        let waited = self.state.changed.wait_timeout_while(log, Duration::from_secs(60), few);
        let (log, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timed_out.timed_out(), "{} of {count} messages came", log.messages.len());
        log.messages.clone()
    }

    /// How often somebody called, whether or not it hung up.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }

    /// The commands that it was given so far; the lines of messages are none.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        lock(&self.state.log).commands.clone()
    }
}

impl Received {
    /// A header's value, unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split_once("\r\n\r\n")?.0.replace("\r\n ", " ").replace("\r\n\t", " ");
        let named = |line: &str| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        head.lines().find_map(named)
    }

    /// The text part, decoded.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn text(&self) -> String {
        self.part("text/plain").expect("a text part")
    }

    /// The HTML part, decoded.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn html(&self) -> String {
        self.part("text/html").expect("an HTML part")
    }

    /// The six digits on a line of their own.
    ///
    /// # Panics
    /// There are none.
    #[must_use]
    pub fn passcode(&self) -> String {
        let text = self.text();
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        text.lines().map(str::trim).find(is_code).expect("a passcode").to_owned()
    }

    /// The link on a line of its own.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn link(&self) -> String {
        let text = self.text();
        text.lines().find(|line| line.starts_with("http")).expect("a link").to_owned()
    }

    fn part(&self, kind: &str) -> Option<String> {
        let boundary = self.data.split_once("boundary=\"")?.1.split_once('"')?.0;
        let part = self.data.split(&format!("--{boundary}")).skip(1).find(|part| part.contains(kind))?;
        let (head, body) = part.split_once("\r\n\r\n")?;
        let body = body.strip_suffix("\r\n").unwrap_or(body);
        let bytes = match head.to_lowercase() {
            head if head.contains("base64") => STANDARD.decode(body.replace("\r\n", "")).ok()?,
            head if head.contains("quoted-printable") => quoted_printable(body),
            _ => body.as_bytes().to_vec(),
        };
        Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
    }
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let text = text.replace("=\r\n", "");
    let mut parts = text.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap_or(b'?'));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

impl Certificate {
    /// One for this name.
    ///
    /// # Panics
    /// OpenSSL fails.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::made(name).expect("a certificate")
    }

    fn made(name: &str) -> Result<Self, openssl::error::ErrorStack> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let mut subject = X509NameBuilder::new()?;
        subject.append_entry_by_text("CN", name)?;
        let subject = subject.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_serial_number(&*BigNum::from_u32(1)?.to_asn1_integer()?)?;
        builder.set_subject_name(&subject)?;
        builder.set_issuer_name(&subject)?;
        builder.set_pubkey(&key)?;
        builder.set_not_before(&*Asn1Time::from_unix(0)?)?;
        builder.set_not_after(&*Asn1Time::days_from_now(1)?)?;
        let names = SubjectAlternativeName::new().dns(name).build(&builder.x509v3_context(None, None))?;
        builder.append_extension(names)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
        acceptor.set_private_key(&key)?;
        acceptor.set_certificate(&certificate)?;
        Ok(Self { acceptor: acceptor.build(), pem: certificate.to_pem()? })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn greet(stream: TcpStream, state: &State, encryption: &Encryption) -> io::Result<()> {
    let encrypted = |certificate: &Certificate, stream| certificate.acceptor.accept(stream).map_err(io::Error::other);
    match encryption {
        Encryption::None => Conversation::new(stream, state).hold(true, false).map(drop),
        Encryption::Implicit(certificate) => {
            Conversation::new(encrypted(certificate, stream)?, state).hold(true, false).map(drop)
        }
        Encryption::StartTls(certificate) => {
            if !Conversation::new(stream.try_clone()?, state).hold(true, true)? {
                return Ok(());
            }
            Conversation::new(encrypted(certificate, stream)?, state).hold(false, false).map(drop)
        }
    }
}

struct Conversation<'a, S> {
    stream: BufReader<S>,
    state: &'a State,
}

impl<'a, S: Read + Write> Conversation<'a, S> {
    fn new(stream: S, state: &'a State) -> Self {
        Self { stream: BufReader::new(stream), state }
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.stream.get_mut().flush()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(String::from_utf8_lossy(&line).into_owned()),
        }
    }

    /// Talks until the end, or until the client wants encryption: true then.
    fn hold(mut self, greets: bool, offers_tls: bool) -> io::Result<bool> {
        if greets {
            self.say("220 sink.test ESMTP")?;
        }
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = self.line()?.trim_end().to_owned();
            lock(&self.state.log).commands.push(line.clone());
            let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
            let argument =
                || line.split_once(':').map(|(_, rest)| rest.split(' ').next().unwrap_or_default().to_owned());
            if let Some(answer) = self.told(&verb) {
                self.say(&answer)?;
                continue;
            }
            match verb.as_str() {
                "EHLO" if offers_tls => self.say("250-sink.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN")?,
                "EHLO" => self.say("250-sink.test\r\n250 AUTH PLAIN LOGIN")?,
                "STARTTLS" if offers_tls => {
                    self.say("220 go on")?;
                    return Ok(true);
                }
                "AUTH" => self.say("235 welcome")?,
                "MAIL" => {
                    from = argument().unwrap_or_default();
                    self.say("250 ok")?;
                }
                "RCPT" => {
                    to.extend(argument());
                    self.say("250 ok")?;
                }
                "DATA" => {
                    self.say("354 go on")?;
                    let data = self.message()?;
                    match self.told(".") {
                        Some(answer) => self.say(&answer)?,
                        None => {
                            let message = Received { from: from.clone(), to: std::mem::take(&mut to), data };
                            lock(&self.state.log).messages.push(message);
                            self.state.changed.notify_all();
                            if lock(&self.state.behaviour).hangs {
                                self.line()?;
                            }
                            self.say("250 taken")?;
                        }
                    }
                }
                "QUIT" => {
                    self.say("221 good-bye")?;
                    return Ok(false);
                }
                "RSET" | "NOOP" => self.say("250 ok")?,
                _ => self.say("500 what")?,
            }
        }
    }

    fn told(&self, command: &str) -> Option<String> {
        let behaviour = lock(&self.state.behaviour);
        behaviour.answers.iter().find(|(told, _)| *told == command).map(|(_, answer)| answer.clone())
    }

    fn message(&mut self) -> io::Result<String> {
        let mut data = String::new();
        loop {
            let line = self.line()?;
            match line.strip_prefix('.') {
                Some("\r\n") => return Ok(data),
                Some(stuffed) => data.push_str(stuffed),
                None => data.push_str(&line),
            }
        }
    }
}
