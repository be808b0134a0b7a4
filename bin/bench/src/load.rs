//! Closed-loop load: every connection sends its next request when it has read the last response.

use crate::{
    connection::{Connection, now},
    error::Error,
    http,
    line::Load,
    proc, stats,
};
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::task::{JoinSet, LocalSet};

/// How long a server may take for the responses that are due when a round ends.
const GRACE: Duration = Duration::from_secs(10);
/// Load that is not counted, before the first repeat.
const WARM_UP: Duration = Duration::from_millis(500);

/// One measurement to make.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// Complete requests.
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) order: Order,
    /// The status and the texts that every response must have.
    pub(crate) status: u16,
    pub(crate) body: Vec<String>,
    pub(crate) connections: usize,
    /// The length of one repeat.
    pub(crate) duration: Duration,
    pub(crate) repeats: usize,
    /// The process whose CPU time and memory are measured.
    pub(crate) server: u32,
    /// The postmaster, if its CPU time is measured too.
    pub(crate) postgres: Option<u32>,
}

/// Which request a connection sends next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// The next of all; after the last comes the first.
    InTurn,
    /// The next of all, each once: for what can be used once. It is an error when they run out.
    Once,
    /// Each connection its own, with the last response's value of this parameter in place of the former.
    Follow(String),
}

/// What one round of load, or one connection's part of it, has seen.
#[derive(Default)]
struct Tally {
    /// Microseconds, one for each request.
    latencies: Vec<u32>,
    wrong: u64,
    first_wrong: Option<String>,
}

struct Repeat {
    tally: Tally,
    elapsed: Duration,
    cpu: Duration,
    pg_cpu: Option<Duration>,
}

/// Runs the plan on this thread.
pub(crate) fn measure(plan: Plan) -> Result<Load, Error> {
    if plan.requests.is_empty() || plan.connections == 0 || plan.repeats == 0 {
        let what = "a load needs a request, a connection and a repeat at least";
        return Err(Error::Input(what.into()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::at("runtime"))?;
    let plan = Rc::new(plan);
    let repeats = LocalSet::new().block_on(&runtime, repeats(&plan))?;
    if let Some(first) = repeats.iter().find_map(|r| r.tally.first_wrong.as_deref()) {
        eprintln!("{}: first wrong response: {first}", plan.name);
    }
    summary(&plan, &repeats)
}

async fn repeats(plan: &Rc<Plan>) -> Result<Vec<Repeat>, Error> {
    let source = Rc::new(Source::new(plan)?);
    round(plan, &source, WARM_UP).await?;
    let mut repeats = Vec::new();
    for _ in 0..plan.repeats {
        repeats.push(repeat(plan, &source).await?);
    }
    Ok(repeats)
}

async fn repeat(plan: &Rc<Plan>, source: &Rc<Source>) -> Result<Repeat, Error> {
    let cpu = || {
        let pg = plan.postgres.map(proc::tree_cpu).transpose()?;
        Ok::<_, Error>((proc::tree_cpu(plan.server)?, pg))
    };
    let (cpu_before, pg_before) = cpu()?;
    let start = now();
    let mut tally = round(plan, source, plan.duration).await?;
    let elapsed = start.elapsed();
    let (cpu_after, pg_after) = cpu()?;
    tally.latencies.sort_unstable();
    Ok(Repeat {
        tally,
        elapsed,
        cpu: cpu_after.saturating_sub(cpu_before),
        pg_cpu: pg_after.zip(pg_before).map(|(after, before)| after.saturating_sub(before)),
    })
}

/// All connections at once, for `duration`; responses that are due at its end are waited for and counted.
async fn round(plan: &Rc<Plan>, source: &Rc<Source>, duration: Duration) -> Result<Tally, Error> {
    let deadline = now() + duration;
    let mut connections = JoinSet::new();
    for number in 0..plan.connections {
        connections.spawn_local(drive(Rc::clone(plan), Rc::clone(source), number, deadline));
    }
    let all = async {
        let mut tally = Tally::default();
        while let Some(part) = connections.join_next().await {
            let part = part.map_err(|e| Error::Server(format!("connection: {e}")))?;
            tally.add(part?);
        }
        Ok(tally)
    };
    let tally = tokio::time::timeout(duration + GRACE, all).await;
    tally.map_err(|_| Error::Server("the server stopped answering".into()))?
}

async fn drive(plan: Rc<Plan>, source: Rc<Source>, number: usize, deadline: Instant) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut connection = Connection::open(plan.address).await?;
    let mut sent = now();
    while sent < deadline {
        let request = source.next(&plan, number)?;
        let outcome = connection.exchange(&request).await;
        let answered = now();
        let latency = answered.duration_since(sent).as_micros();
        tally.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
        let close = match outcome {
            Ok((head, body)) => {
                if !plan.expects(head.status, body) {
                    tally.wrong(|| format!("{} {}", head.status, String::from_utf8_lossy(body)));
                } else if !source.follow(&plan, number, body) {
                    tally.wrong(|| format!("nothing to go on with: {}", String::from_utf8_lossy(body)));
                }
                head.close
            }
            Err(unreadable) => {
                tally.wrong(|| unreadable.to_string());
                true
            }
        };
        if close {
            connection = Connection::open(plan.address).await?;
        }
        sent = answered;
    }
    Ok(tally)
}

/// Where the connections get their requests from, for all rounds of a measurement.
struct Source {
    turn: Cell<usize>,
    /// The request of each connection, where each has its own.
    own: RefCell<Vec<Vec<u8>>>,
}

impl Source {
    fn new(plan: &Plan) -> Result<Self, Error> {
        let own = match plan.order {
            Order::Follow(_) => plan.requests.clone(),
            _ => Vec::new(),
        };
        if matches!(plan.order, Order::Follow(_)) && own.len() < plan.connections {
            return Err(Error::Input("each connection needs a request of its own".into()));
        }
        Ok(Self { turn: Cell::new(0), own: RefCell::new(own) })
    }

    fn next<'p>(&self, plan: &'p Plan, number: usize) -> Result<Cow<'p, [u8]>, Error> {
        let turn = self.turn.replace(self.turn.get() + 1);
        match plan.order {
            Order::Follow(_) => Ok(Cow::Owned(self.own.borrow()[number].clone())),
            Order::Once if turn >= plan.requests.len() => Err(Error::Input("the requests ran out".into())),
            _ => Ok(Cow::Borrowed(&plan.requests[turn % plan.requests.len()])),
        }
    }

    /// Takes what the next request needs out of a response; whether it was there.
    fn follow(&self, plan: &Plan, number: usize, body: &[u8]) -> bool {
        let Order::Follow(name) = &plan.order else { return true };
        let request = &mut self.own.borrow_mut()[number];
        http::member(body, name).is_some_and(|value| http::replace_parameter(request, name, &value))
    }
}

impl Plan {
    fn expects(&self, status: u16, body: &[u8]) -> bool {
        status == self.status && self.body.iter().all(|text| http::contains(body, text))
    }
}

impl Tally {
    fn wrong(&mut self, what: impl FnOnce() -> String) {
        self.wrong += 1;
        self.first_wrong.get_or_insert_with(what);
    }

    fn add(&mut self, part: Self) {
        self.latencies.extend(part.latencies);
        self.wrong += part.wrong;
        self.first_wrong = self.first_wrong.take().or(part.first_wrong);
    }
}

impl Repeat {
    fn requests(&self) -> f64 {
        self.tally.latencies.len() as f64
    }

    fn latency_ms(&self, percent: usize) -> f64 {
        f64::from(stats::percentile(&self.tally.latencies, percent)) / 1000.0
    }

    fn per_request_ms(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1000.0 / self.requests()
    }
}

fn summary(plan: &Plan, repeats: &[Repeat]) -> Result<Load, Error> {
    let all = |figure: &dyn Fn(&Repeat) -> f64| repeats.iter().map(figure).collect::<Vec<_>>();
    let cpu = all(&|repeat| repeat.per_request_ms(repeat.cpu));
    let pg_cpu = repeats.iter().map(|repeat| Some(repeat.per_request_ms(repeat.pg_cpu?)));
    let pg_cpu: Option<Vec<f64>> = pg_cpu.collect();
    Ok(Load {
        name: plan.name.clone(),
        requests_per_second: stats::median(&all(&|r| r.requests() / r.elapsed.as_secs_f64())),
        p50_ms: stats::median(&all(&|repeat| repeat.latency_ms(50))),
        p99_ms: stats::median(&all(&|repeat| repeat.latency_ms(99))),
        cpu_ms_per_request: stats::median(&cpu),
        cpu_ms_per_request_min: stats::min(&cpu),
        pg_cpu_ms_per_request: pg_cpu.map(|values| stats::median(&values)),
        requests: repeats.iter().map(|r| r.tally.latencies.len() as u64).sum(),
        wrong_responses: repeats.iter().map(|repeat| repeat.tally.wrong).sum(),
        rss_kb: proc::tree_rss_kb(plan.server)?,
    })
}
