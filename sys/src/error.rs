//! Why a process was not asked, or did not do what it was asked.

use std::{fmt, io};

use runtime::ExitReason;
use runtime::request::CallError;

/// Why a state could not be looked at, or replaced.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StateError {
    /// The call has failed.
    Call(CallError),
    /// The state is of another type than it was taken for.
    WrongType {
        /// The type it was taken for.
        expected: &'static str,
    },
    /// The function has panicked, or exited; the state is as it was. Erlang's `callback_failed`.
    CallbackFailed(ExitReason),
}

/// Why the code of a process was not changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChangeCodeError {
    /// The call has failed.
    Call(CallError),
    /// The process is not suspended. Erlang's `unknown_system_msg`.
    NotSuspended,
    /// The process refuses, for this reason; its state is as it has left it.
    Refused(ExitReason),
}

/// Why a process does not write to a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogToFileError {
    /// The call has failed.
    Call(CallError),
    /// The file could not be opened. Erlang's `open_file`.
    OpenFile(io::Error),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Call(error) => fmt::Display::fmt(error, f),
            StateError::WrongType { expected } => write!(f, "the state is no {expected}"),
            StateError::CallbackFailed(reason) => {
                write!(
                    f,
                    "the function has failed, the state is as it was: {reason}"
                )
            }
        }
    }
}

impl std::error::Error for StateError {}

impl fmt::Display for ChangeCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeCodeError::Call(error) => fmt::Display::fmt(error, f),
            ChangeCodeError::NotSuspended => f.write_str("the process is not suspended"),
            ChangeCodeError::Refused(reason) => write!(f, "the process refuses: {reason}"),
        }
    }
}

impl std::error::Error for ChangeCodeError {}

impl fmt::Display for LogToFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogToFileError::Call(error) => fmt::Display::fmt(error, f),
            LogToFileError::OpenFile(error) => write!(f, "the file cannot be opened: {error}"),
        }
    }
}

impl std::error::Error for LogToFileError {}
