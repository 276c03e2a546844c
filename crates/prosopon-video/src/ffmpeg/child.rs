//! A child process that never outlives us by our doing.

use std::io;
use std::process::{Child as Process, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::sync::locked;

/// A child process in a group of its own; dropping it kills the group, and no zombie is left.
///
/// A group of its own means that Ctrl-C at the keyboard reaches us alone, and we end the children in order: a
/// recording is finished, not cut. If we are killed the child sees its pipe closed, and ends.
pub(crate) struct Child {
    process: Mutex<Process>,
}

/// The ends of its pipes that were asked for.
pub(crate) struct Pipes {
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

impl Child {
    /// Starts `command`.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<(Arc<Self>, Pipes)> {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt;
            /// No window for a program of the command line, and no Ctrl-C from ours: `CREATE_NO_WINDOW` and
            /// `CREATE_NEW_PROCESS_GROUP` of the Windows API.
            const APART: u32 = 0x0800_0000 | 0x0000_0200;
            command.creation_flags(APART);
        }
        let mut process = command.spawn()?;
        let pipes = Pipes {
            stdin: process.stdin.take(),
            stdout: process.stdout.take(),
            stderr: process.stderr.take(),
        };
        let process = Mutex::new(process);
        Ok((Arc::new(Self { process }), pipes))
    }

    /// Kills it with all that it started, and waits for its end. Nothing happens if it has ended.
    pub(crate) fn kill(&self) {
        let mut process = locked(&self.process);
        // One that was waited for has lost its number, which may be another's by now.
        if !matches!(process.try_wait(), Ok(None)) {
            return;
        }
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            kill_process_group(Pid::from_child(&process), Signal::KILL).ok();
        }
        process.kill().ok();
        process.wait().ok();
    }

    /// How it ended, if it ends within `time`.
    pub(crate) fn wait_within(&self, time: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + time;
        loop {
            match locked(&self.process).try_wait() {
                Ok(Some(status)) => return Some(status),
                Err(_) => return None,
                Ok(None) if Instant::now() >= until => return None,
                Ok(None) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
