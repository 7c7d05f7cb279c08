//! What is told of a server: its status, and the reports of its end.

use super::requests::names;
use super::*;
use crate::expect::reports;

/// A server that tells of itself as its state says.
#[derive(Debug)]
struct Teller {
    format: Format,
    ends_badly: bool,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Plain,
    Hidden,
    Panics,
    Exits,
}

#[derive(Debug)]
enum Do {
    Nothing,
    Exit(ExitReason),
    Panic,
    Stop(ExitReason),
}

impl GenServer for Teller {
    type Args = Teller;
    type Call = Do;
    type Reply = ();
    type Cast = Do;
    type Continue = Never;

    fn init(teller: Teller) -> Result<Init<Teller>, ExitReason> {
        Ok(teller.into())
    }

    fn handle_call(&mut self, what: Do, _: From<()>) -> Result<Called<()>, ExitReason> {
        match what {
            Do::Nothing => Ok(reply(())),
            Do::Exit(reason) => exit(reason),
            Do::Panic => panic!("crashed"),
            Do::Stop(reason) => Ok(Called::Stop(reason)),
        }
    }

    fn handle_cast(&mut self, what: Do) -> Result<Done, ExitReason> {
        match what {
            Do::Stop(reason) => Ok(Done::Stop(reason)),
            _ => panic!("crashed"),
        }
    }

    fn terminate(&mut self, _: &ExitReason) {
        assert!(!self.ends_badly, "in terminate");
    }

    fn format_status(&self, mut status: FormatStatus) -> FormatStatus {
        match self.format {
            Format::Plain => {}
            Format::Hidden => {
                status.state = "a hidden state".to_owned();
                status.message = status.message.map(|_| "a hidden message".to_owned());
                status.reason = status.reason.map(|_| ExitReason::other("a hidden reason"));
                status.log.truncate(1);
            }
            Format::Panics => panic!("in format_status"),
            Format::Exits => exit(ExitReason::Shutdown),
        }
        status
    }

    fn debug(&self) -> &dyn std::fmt::Debug {
        self
    }
}

fn teller(format: Format) -> Teller {
    Teller {
        format,
        ends_badly: false,
    }
}

/// Starts one, and gives what its reports are known by.
fn start_teller(teller: Teller) -> (Server<Teller>, String) {
    reports::collect();
    let server = start::<Teller>(teller).expect("starts");
    let pid = server.whereis().expect("it lives");
    (server, format!("pid={pid} "))
}

const TERMINATE: &str = "gen_server::terminate";
const CRASH: &str = "proc_lib::crash";

/// An end in order is not reported, be it by exit or stop; another is by exactly two reports: of the server, with its
/// last message, its state, the reason and the client, and of the process.
#[runtime::test]
fn crash() {
    for orderly in [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::shutdown_with(7),
    ] {
        for how in [Do::Exit, Do::Stop] {
            let (server, own) = start_teller(teller(Format::Plain));
            let error = server.call(how(orderly.clone())).unwrap_err();
            assert_eq!(error.failure, Failure::Ended(orderly.clone()));
            assert_eq!(reports::count(TERMINATE, &[&own]), 0);
            assert_eq!(reports::count(CRASH, &[&own]), 0);
        }
    }
    runtime::set_label("the client");
    let crashed = ExitReason::other("crashed");
    let (server, own) = start_teller(teller(Format::Plain));
    let error = server.call(Do::Exit(crashed.clone())).unwrap_err();
    assert_eq!(error.failure, Failure::Ended(crashed));
    let client = format!("client={} the client, ", self_pid());
    let parts = [
        &own as &str,
        &client,
        "message=a call: ",
        "format::Do ",
        "reason=Other(\"crashed\")",
        "state=Teller { format: Plain, ends_badly: false } ",
    ];
    reports::expect(TERMINATE, &parts);
    let parts = [&own as &str, "reason=Other(\"crashed\")"];
    reports::expect(CRASH, &parts);
    assert_eq!(reports::count(TERMINATE, &[&own]), 1);
    assert_eq!(reports::count(CRASH, &[&own]), 1);
    // A client that has gone.
    let (server, own) = start_teller(teller(Format::Plain));
    sys::suspend(&server).expect("it answers");
    let asks = server.clone();
    let (client, watched) = spawn_monitor!(move || drop(asks.send_request(Do::Panic)));
    assert_eq!(down_of(watched), ExitReason::Normal);
    let watched = monitor(server.whereis().expect("it lives"));
    sys::resume(&server).expect("it answers");
    assert!(matches!(down_of(watched), ExitReason::Panic(_)));
    let client = format!("client={client}, dead ");
    reports::expect(TERMINATE, &[&own, &client, "crashed"]);
}

/// The status shows what `format_status` made of the state and the log, of servers of every kind of name.
#[runtime::test]
fn call_format_status() {
    for name in names() {
        let mut options = Options::<Teller>::new().debug([sys::DebugOption::Log(5)]);
        if let Some(name) = &name {
            options = options.name(name);
        }
        let server = options.start(teller(Format::Hidden)).expect("starts");
        let by = name.unwrap_or_else(|| server.server_ref().clone());
        Server::<Teller>::of(&by)
            .call(Do::Nothing)
            .expect("it answers");
        let status = sys::get_status(&by).expect("it answers");
        assert_eq!(status.state, "a hidden state");
        assert_eq!(status.log.len(), 1);
        assert_eq!(sys::get_log(&by).expect("it answers").len(), 2);
    }
}

/// The report of a server's end shows what `format_status` made of state, message, reason and log; the report of the
/// process's crash shows the reason as it is. Both as real `erl` of OTP 25.2.
#[runtime::test]
fn error_format_status() {
    let (server, own) = start_teller(teller(Format::Hidden));
    sys::log(&server, Some(5)).expect("it answers");
    server.call(Do::Nothing).expect("it answers");
    let error = server.call(Do::Panic).unwrap_err();
    assert!(matches!(
        error.failure,
        Failure::Ended(ExitReason::Panic(_))
    ));
    let parts = [
        &own as &str,
        "message=a hidden message ",
        "reason=Other(\"a hidden reason\") ",
        "state=a hidden state ",
        &format!("client={}", self_pid()),
    ];
    let report = reports::expect(TERMINATE, &parts);
    let log = &report.fields[report.fields.find("log=").expect("a log")..];
    assert_eq!(log.matches("In {").count(), 1, "{log}");
    assert!(!log.contains("Out {"), "{log}");
    reports::expect(CRASH, &[&own, "crashed"]);
}

/// A terminate that crashes: the reason and the reports are of that crash, and the state is formatted.
#[runtime::test]
fn terminate_crash_format() {
    let (server, own) = start_teller(Teller {
        format: Format::Hidden,
        ends_badly: true,
    });
    let stopped = server.stop();
    assert!(
        matches!(&stopped, Err(StopError::Other(ExitReason::Panic(panic)))
            if panic.message() == "in terminate"),
        "{stopped:?}"
    );
    reports::expect(TERMINATE, &[&own, "state=a hidden state "]);
    reports::expect(CRASH, &[&own, "in terminate"]);
    let (server, own) = start_teller(Teller {
        format: Format::Plain,
        ends_badly: true,
    });
    let error = server.call(Do::Panic).unwrap_err();
    assert!(
        matches!(&error.failure, Failure::Ended(ExitReason::Panic(panic))
            if panic.message() == "in terminate"),
        "{error:?}"
    );
    reports::expect(TERMINATE, &[&own, "in terminate"]);
    assert_eq!(reports::count(TERMINATE, &[&own]), 1);
    assert_eq!(reports::count(CRASH, &[&own]), 1);
}

/// A `format_status` that fails: the status and the report say so in place of the state, the server lives, or ends
/// with the reason that it had.
#[runtime::test]
fn crash_in_format_status() {
    for format in [Format::Panics, Format::Exits] {
        let (server, own) = start_teller(teller(format));
        let status = sys::get_status(&server).expect("it answers");
        assert!(
            status.state.ends_with("Teller::format_status crashed"),
            "{}",
            status.state
        );
        server.call(Do::Nothing).expect("it lives");
        let bad = ExitReason::other("bad");
        let error = server.call(Do::Stop(bad.clone())).unwrap_err();
        assert_eq!(error.failure, Failure::Ended(bad));
        let parts = [
            &own as &str,
            "Teller::format_status crashed ",
            "reason=Other(\"bad\")",
        ];
        reports::expect(TERMINATE, &parts);
    }
}

/// The reports have their fields, each within bounds however long and bad its value is; with a log the last message
/// is shown itself.
#[runtime::test]
fn format_log_1() {
    struct Long;
    impl std::fmt::Debug for Long {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&"long ".repeat(100_000))
        }
    }
    impl GenServer for Long {
        type Args = ();
        type Call = String;
        type Reply = ();
        type Cast = Never;
        type Continue = Never;
        fn init((): ()) -> Result<Init<Long>, ExitReason> {
            Ok(Long.into())
        }
        fn handle_call(&mut self, text: String, _: From<()>) -> Result<Called<()>, ExitReason> {
            Ok(Called::Stop(ExitReason::other(text)))
        }
        fn debug(&self) -> &dyn std::fmt::Debug {
            self
        }
    }
    reports::collect();
    let options = Options::<Long>::new().name("long");
    let server = options.start(()).expect("starts");
    let pid = server.whereis().expect("it lives");
    let own = format!("pid={pid} ");
    send(pid, "unknown ".repeat(100_000));
    sys::log(&server, Some(2)).expect("it answers");
    server.call("bad ".repeat(100_000)).unwrap_err();
    let warning = reports::expect("gen_server::no_handle_info", &[&own, "unknown unknown"]);
    assert!(warning.fields.len() < 10_000, "{}", warning.fields.len());
    let parts = [
        &own as &str,
        "registered_name=long ",
        "message=Call {",
        "request: \"bad bad",
        "state=long long",
        "reason=Other(\"bad bad",
    ];
    let report = reports::expect(TERMINATE, &parts);
    assert!(report.fields.len() < 10_000, "{}", report.fields.len());
}

/// The label of the process is in the reports if it has one.
#[runtime::test]
fn format_log_with_process_label() {
    reports::collect();
    for label in [None, Some("a label")] {
        let server = start::<Unnamed>(label).expect("starts");
        let pid = server.whereis().expect("it lives");
        let own = format!("pid={pid} ");
        send(pid, "unknown");
        server.call(()).unwrap_err();
        let expected = format!("label={} ", label.unwrap_or_default());
        for target in ["gen_server::no_handle_info", TERMINATE, CRASH] {
            reports::expect(target, &[&own, &expected]);
        }
    }
    struct Unnamed;
    impl GenServer for Unnamed {
        type Args = Option<&'static str>;
        type Call = ();
        type Reply = ();
        type Cast = Never;
        type Continue = Never;
        fn init(label: Option<&'static str>) -> Result<Init<Unnamed>, ExitReason> {
            if let Some(label) = label {
                proc_lib::set_label(label);
            }
            Ok(Unnamed.into())
        }
        fn handle_call(&mut self, (): (), _: From<()>) -> Result<Called<()>, ExitReason> {
            Err(ExitReason::other("bad"))
        }
    }
}
