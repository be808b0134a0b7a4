//! The load generator behind `make bench`.
//!
//! Owns: closed-loop HTTP/1.1 load on loopback with the server's CPU time per request, the machine's
//! ceilings (an RSA-2048 signature, a bare actix-web handler), and the table that puts both beside the
//! targets. `tests/bench` calls it: seed a server, `load` each operation, append the JSON lines to a file,
//! `report` the file. It knows nothing of Paylent but its HTTP API (`api.rs`), the tables of users and
//! memberships (`rows.rs`, for a million rows would take hours through the API), and the names and targets of
//! its operations (`report.rs`, `lists.rs`). It puts load on loopback addresses only.
//!
//! Run it on another core than the server: `taskset -c 1 paylent-bench load ..` beside
//! `taskset -c 0 paylent serve`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod api;
mod ceilings;
mod connection;
mod database;
mod error;
mod http;
mod line;
mod lists;
mod load;
mod proc;
mod progress;
mod report;
mod rows;
mod seed_clients;
mod seed_sign_ins;
mod seed_users;
mod serve;
mod startup;
mod stats;

use clap::{Args, Parser};
use error::Error;
use line::Line;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

/// Closed-loop load on loopback, and ceilings to compare it with. Prints one JSON object per line.
#[derive(Parser)]
#[command(name = "paylent-bench")]
enum Command {
    /// Measure this machine: an RSA-2048 signature, a bare JSON handler, a bare form handler on core 0.
    Ceilings {
        /// Seconds per repeat of a handler's measurement.
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// The bare JSON handler, one worker. Prints its address.
    ServeJson {
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// The bare form handler, one worker. Prints its address.
    ServeForm {
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Put load on a running server and measure its CPU time per request.
    Load(LoadArgs),
    /// Start a server again and again and measure the time to its first 200; stop it with SIGTERM.
    Startup(StartupArgs),
    /// Measure the resident memory of a process and its children.
    Rss {
        #[arg(long)]
        pid: u32,
        #[arg(long, default_value = "idle")]
        name: String,
    },
    /// Measure the size of a program.
    Size { file: PathBuf },
    /// Register clients in the environments of a running server, and write request files for `load`.
    SeedClients(SeedClientsArgs),
    /// Sign a person in to applications of a running server, and write request files for `load`.
    SeedSignIns(SeedSignInsArgs),
    /// Fill an environment with users and memberships, straight in the database.
    SeedUsers(SeedUsersArgs),
    /// Walk through the users that `seed-users` made, and write request files of their lists for `load`.
    Lists(ListsArgs),
    /// Print the table of a file of JSON lines, beside ceilings and targets.
    Report { file: PathBuf },
}

#[derive(Args)]
struct LoadArgs {
    #[arg(long, value_parser = loopback)]
    addr: SocketAddr,
    /// The server's process; CPU time and memory include its children.
    #[arg(long)]
    pid: u32,
    /// The operation's name, e.g. `introspection` or `introspection@sqlite`.
    #[arg(long)]
    name: String,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds per repeat.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Raw HTTP requests, separated by lines of `%%`; connections take them in turn. Line ends may be bare
    /// LF, and `Content-Length` is added where it is missing.
    #[arg(long = "request-file", required = true)]
    request_files: Vec<PathBuf>,
    #[arg(long, default_value_t = 200)]
    expect_status: u16,
    /// Text that every body must contain; may be repeated.
    #[arg(long)]
    expect_body: Vec<String>,
    /// Send each request once; it is an error when they run out.
    #[arg(long)]
    once: bool,
    /// Each connection repeats a request of its own, with the value of this form parameter taken from the JSON of the last
    /// response, such as `refresh_token`.
    #[arg(long, conflicts_with = "once")]
    follow: Option<String>,
    /// PostgreSQL's data directory (where `postmaster.pid` lies), to measure its CPU time too.
    #[arg(long)]
    postgres_pid_dir: Option<PathBuf>,
}

#[derive(Args)]
struct SeedClientsArgs {
    #[arg(long, value_parser = loopback)]
    addr: SocketAddr,
    /// What `paylent setup --json` printed; once for each account.
    #[arg(long = "setup", required = true)]
    setups: Vec<PathBuf>,
    /// Clients of each environment: half of them get JWTs, half opaque tokens.
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// The directory of the request files.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
struct SeedSignInsArgs {
    #[arg(long, value_parser = loopback)]
    addr: SocketAddr,
    /// What `paylent setup --json` printed; its first environment is used.
    #[arg(long)]
    setup: PathBuf,
    /// Families of tokens of each application.
    #[arg(long, default_value_t = 64)]
    families: usize,
    /// Codes that are not exchanged yet. They are good for a minute.
    #[arg(long, default_value_t = 0)]
    codes: usize,
    /// The directory of the request files.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
struct SeedUsersArgs {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`, set up by `paylent setup`.
    #[arg(long)]
    database_url: String,
    /// The handle of the environment, such as `acme-test`.
    #[arg(long)]
    environment: String,
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10..))]
    users: u64,
    /// Each for a user of its own.
    #[arg(long, default_value_t = 100_000)]
    memberships: u64,
    /// The organizations that the memberships are spread over.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    organizations: u64,
}

#[derive(Args)]
struct ListsArgs {
    #[arg(long, value_parser = loopback)]
    addr: SocketAddr,
    /// What `paylent setup --json` printed; its first environment has the users.
    #[arg(long)]
    setup: PathBuf,
    /// As many as were seeded.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10..))]
    users: u64,
    /// The directory of the request files.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
struct StartupArgs {
    #[arg(long, value_parser = loopback)]
    addr: SocketAddr,
    #[arg(long, default_value = "/health/live")]
    path: String,
    /// The `Host` header; the address if not given.
    #[arg(long)]
    host: Option<String>,
    #[arg(long, default_value = "startup")]
    name: String,
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// The server's command line, after `--`.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|e| format!("{e}"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err("only loopback addresses are loaded".into()) }
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("paylent-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Ceilings { seconds } => ceilings::measure(Duration::from_secs(seconds), print)?,
        Command::ServeJson { port } => serve::json(port)?,
        Command::ServeForm { port } => serve::form(port)?,
        Command::Load(args) => print(&Line::Load(load_command(args)?)),
        Command::Startup(args) => {
            let host = args.host.unwrap_or_else(|| args.addr.to_string());
            let request = startup::get(&args.path, &host);
            let times = startup::times(args.addr, &request, &args.command, args.repeats)?;
            print(&Line::Startup { name: args.name, median_ms: stats::median(&times), min_ms: stats::min(&times) });
        }
        Command::Rss { pid, name } => {
            let rss_kb = proc::tree_rss_kb(pid)?;
            print(&Line::Rss { name, rss_kb });
        }
        Command::Size { file } => {
            let bytes = std::fs::metadata(&file).map_err(Error::at(file.display()))?.len();
            print(&Line::Size { name: "binary".into(), bytes });
        }
        Command::SeedClients(SeedClientsArgs { addr: address, setups, clients, out }) => {
            seed_clients::run(&seed_clients::Plan { address, setups, clients, out })?;
        }
        Command::SeedSignIns(SeedSignInsArgs { addr: address, setup, families, codes, out }) => {
            seed_sign_ins::run(&seed_sign_ins::Plan { address, setup, families, codes, out })?;
        }
        Command::SeedUsers(SeedUsersArgs {
            database_url: database,
            environment,
            users,
            memberships,
            organizations,
        }) => {
            let plan = seed_users::Plan { database, environment, users, memberships, organizations };
            print(&seed_users::run(&plan)?);
        }
        Command::Lists(ListsArgs { addr: address, setup, users, out }) => {
            lists::run(&lists::Plan { address, setup, users, out })?;
        }
        Command::Report { file } => {
            let lines = Line::read(&file)?;
            print!("{}", report::render(&lines)?);
            if lines.iter().filter_map(Line::load).any(|load| load.wrong_responses > 0) {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn load_command(args: LoadArgs) -> Result<line::Load, Error> {
    let mut requests = Vec::new();
    for file in &args.request_files {
        let text = std::fs::read_to_string(file).map_err(Error::at(file.display()))?;
        requests.extend(http::requests(&text)?);
    }
    let postgres = args.postgres_pid_dir.as_deref().map(proc::postmaster_pid);
    let order = match args.follow {
        Some(parameter) => load::Order::Follow(parameter),
        None if args.once => load::Order::Once,
        None => load::Order::InTurn,
    };
    load::measure(load::Plan {
        order,
        name: args.name,
        address: args.addr,
        requests,
        status: args.expect_status,
        body: args.expect_body,
        connections: args.connections,
        duration: Duration::from_secs(args.seconds),
        repeats: args.repeats,
        server: args.pid,
        postgres: postgres.transpose()?,
    })
}

fn print(line: &Line) {
    println!("{}", line.to_json());
}
