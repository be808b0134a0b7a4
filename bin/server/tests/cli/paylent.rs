//! Runs the program in a temporary folder, with nothing of this process's environment.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::Text,
};

pub(crate) const PASSWORD: &str = "correct horse battery";
/// No step takes as long, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder to run the program in.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    pub(crate) fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((variable, value.into()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paylent"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that ends without reading its input closes it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Finished::of(child.wait_with_output().unwrap())
    }

    pub(crate) fn set_up(&self, account: &str, more: &[&str]) -> Finished {
        let email = format!("admin@{account}.example");
        let mut arguments = vec!["setup", "--account", account, "--admin-email", &email, "--admin-password-stdin"];
        arguments.extend(more);
        self.run_with_input(&arguments, &format!("{PASSWORD}\n"))
    }

    /// Starts a server on free ports and waits until it says so.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, more: &[&str]) -> Server {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let mut command = self.command(&[&arguments, more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("/metrics") {
            if out.read_line(&mut said).unwrap() == 0 {
                let output = child.wait_with_output().unwrap();
                panic!("the server ended: {said}{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        let address = address_in(&said, "listens on ");
        let metrics = address_in(&said, "Metrics   http://");
        Server { child, out, said, address, metrics }
    }

    /// Runs statements on a SQLite file.
    pub(crate) fn execute(&self, database: &str, sql: &str) {
        let mut connection = SqliteConnection::establish(self.path(database).to_str().unwrap()).unwrap();
        connection.batch_execute(sql).unwrap();
    }

    /// Every row of every table, as text.
    pub(crate) fn rows(&self, database: &str) -> Vec<String> {
        let mut connection = SqliteConnection::establish(self.path(database).to_str().unwrap()).unwrap();
        let tables =
            texts(&mut connection, "SELECT name AS text FROM sqlite_schema WHERE type = 'table' ORDER BY name");
        let mut rows = Vec::new();
        for table in tables {
            let columns = format!("SELECT 'quote(' || name || ')' AS text FROM pragma_table_info('{table}')");
            let columns = texts(&mut connection, &columns).join(" || ',' || ");
            let query = format!("SELECT '{table}: ' || {columns} AS text FROM {table} ORDER BY 1");
            rows.extend(texts(&mut connection, &query));
        }
        rows
    }
}

fn texts(connection: &mut SqliteConnection, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let rows: Vec<Row> = sql_query(query).load(connection).unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

fn address_in(said: &str, before: &str) -> SocketAddr {
    let rest = said.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {said}")).1;
    rest.split(['\n', '/', ' ']).next().unwrap().parse().unwrap()
}

/// What a command said, and its exit code.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Finished {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }
}

/// A running server, ended with its value.
pub(crate) struct Server {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    said: String,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
}

impl Server {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits for the end: everything it said, and its exit code.
    pub(crate) fn wait(mut self) -> Finished {
        let mut out = std::mem::take(&mut self.said);
        self.out.read_to_string(&mut out).unwrap();
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        Finished { code: self.child.wait().unwrap().code().unwrap_or(-1), out, err }
    }

    /// Ends it at once: nothing in hand is finished.
    pub(crate) fn kill(self) {
        drop(self);
    }

    pub(crate) fn stop(self) -> Finished {
        self.signal("TERM");
        self.wait()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        get(self.address, path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The whole response to a GET request.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = connect(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// The whole response of an environment to JSON that is posted.
pub(crate) fn post(address: SocketAddr, host: &str, path: &str, json: &str) -> String {
    let mut stream = connect(address);
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json");
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{json}", json.len()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
