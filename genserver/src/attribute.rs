//! The attribute `#[gen_server]`, which the crate `genserver-macros` writes: its documentation, whose examples run
//! here. What the written code names is in `__rt`.

/// A gen_server of plain methods: stands on the `impl` block of the state, and writes the
/// [`GenServer`](trait@crate::GenServer) of it, the type of its requests, and a typed client.
///
/// ```
/// use genserver::{Action, Called, Done, From, Init, gen_server};
/// use runtime::prelude::*;
/// use std::time::Duration;
///
/// struct Counter {
///     count: u64,
///     waiting: Vec<From<u64>>,
/// }
///
/// #[gen_server]
/// impl Counter {
///     /// Makes the state.
///     #[init]
///     fn init(start: u64) -> Self {
///         Counter { count: start, waiting: Vec::new() }
///     }
///
///     /// Adds to the count, which is the answer.
///     #[call]
///     fn add(&mut self, by: u64) -> u64 {
///         self.count += by;
///         for from in self.waiting.drain(..) {
///             from.reply(self.count);
///         }
///         self.count
///     }
///
///     /// Is answered when somebody adds.
///     #[call]
///     fn next(&mut self, from: From<u64>) {
///         self.waiting.push(from);
///     }
///
///     /// Answers, and ends the server.
///     #[call]
///     fn last(&mut self) -> Called<String> {
///         Called::StopReply(ExitReason::Normal, format!("it was {}", self.count))
///     }
///
///     #[cast]
///     fn reset(&mut self) {
///         self.count = 0;
///     }
/// }
///
/// # runtime::run(|| {
/// let counter = genserver::gen_server::start::<Counter>(40).unwrap();
/// assert_eq!(counter.add(2), Ok(42));
///
/// let request = counter.later().next();
/// counter.reset();
/// assert_eq!(counter.timeout(Duration::from_secs(1)).add(7), Ok(7));
/// assert_eq!(genserver::gen_server::receive_response(request, None), Some(Ok(7)));
/// assert_eq!(counter.last().unwrap(), "it was 7");
/// # });
/// ```
///
/// # The client
///
/// For a type `Counter` it is a trait `CounterClient` with a function for each call and cast, named
/// and documented as the method. Bring the trait into scope where a [`Server<Counter>`](crate::Server)
/// is asked. A call gives a `Result` of its own answer; [`Server::timeout`](crate::Server::timeout) and
/// [`Server::later`](crate::Server::later) give the same functions with another way to wait: see
/// [`Ask`](crate::Ask).
///
/// # Attributes of methods
///
/// | | the method | returns |
/// |---|---|---|
/// | `#[init]` | `fn (..)`: makes the state | `Self`, or `Init<Self, C>` |
/// | `#[call]` | `fn (&mut self, ..)`: the parameters are the request | the answer, a `R`; or `Called<R, C>` |
/// | `#[call]` | `fn (&mut self, from: From<R>, ..)`: is answered over `from`, by whoever and whenever | nothing, `Done<C>`, or `Called<R, C>` |
/// | `#[cast]` | `fn (&mut self, ..)` | nothing, or `Done<C>` |
/// | `#[info]` | `fn (&mut self, message: T)`: any other message of the type `T`; that with an `AnyMessage` takes the rest, wherever it stands | nothing, or `Done<C>` |
/// | `#[timeout]` | `fn (&mut self)`: the time of [`Action::Timeout`](crate::Action::Timeout) is over | nothing, or `Done<C>` |
/// | `#[continued]` | `fn (&mut self, ..)`: goes on after [`Action::Continue`](crate::Action::Continue) | nothing, or `Done<C>` |
/// | `#[terminate]` | `fn (&mut self, reason: &ExitReason)` | nothing |
/// | `#[callback]` | any other function of the trait, as it stands there | |
///
/// Each but `#[terminate]` may return a `Result` of that, whose error ends the server with it for a
/// reason, as in the trait. The one exception is a call that returns its answer alone: a `Result` there
/// *is* the answer. To use `?` for the server's end, return a `Result<Called<R>, ExitReason>`.
///
/// What the server is started with, and what `Action::Continue` carries (`C` above), is the value of the
/// method's one parameter, `()` without parameters, and else a tuple of them.
///
/// Methods without such an attribute are the state's own.
///
/// # Options
///
/// | | |
/// |---|---|
/// | `pub`, `pub(crate)`, .. | who sees the client; without it the module does |
/// | `crate = PATH` | where this crate is, if not at `::genserver` |
///
/// ```
/// mod store {
///     use genserver::gen_server;
///     use std::collections::HashMap;
///
///     #[derive(Default)]
///     pub struct Store(HashMap<String, u64>);
///
///     #[gen_server(pub)]
///     impl Store {
///         #[init]
///         fn init() -> Self {
///             Store::default()
///         }
///
///         #[call]
///         fn get(&self, key: String) -> Option<u64> {
///             self.0.get(&key).copied()
///         }
///
///         #[cast]
///         fn put(&mut self, key: String, value: u64) {
///             self.0.insert(key, value);
///         }
///     }
/// }
///
/// use store::{Store, StoreClient};
///
/// # runtime::run(|| {
/// let store = genserver::gen_server::start::<Store>(()).unwrap();
/// store.put("answer".to_owned(), 42);
/// assert_eq!(store.get("answer".to_owned()), Ok(Some(42)));
/// # });
/// ```
///
/// A request is owned: it goes to another process.
///
/// ```compile_fail
/// # use genserver::gen_server;
/// # struct Store;
/// #[gen_server]
/// impl Store {
///     # #[init] fn init() -> Self { Store }
///     #[call]
///     fn get(&self, key: &str) -> Option<u64> { None }
/// }
/// ```
pub use genserver_macros::gen_server;
