//! The process that becomes the command: it takes rights from itself until only the command's are left, then is replaced by it.

use std::{
    os::{fd::IntoRawFd, unix::process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{Job, Mechanism, bubblewrap, calls, choose, files, places};

/// Files that may be open at once.
const FILES: u64 = 4096;
/// How far behind everybody else it stands in the queue for the processor, its supervisor first.
const BEHIND: i32 = 5;

/// Becomes the command. Comes back only to say why it could not.
pub(crate) fn become_command(job: &Job, mechanism: Mechanism) -> String {
    match prepare(job, mechanism) {
        Ok(mut command) => {
            let error = command.exec();
            format!("{}: {error}", command.get_program().display())
        }
        Err(why) => why,
    }
}

fn prepare(job: &Job, mechanism: Mechanism) -> Result<Command, String> {
    let fail = |what: &'static str| move |error: rustix::io::Errno| format!("{what}: {error}");
    rustix::process::setsid().map_err(fail("no session of its own"))?;
    rustix::process::nice(BEHIND).map_err(fail("its priority"))?;
    limits(job).map_err(fail("its limits"))?;
    let [program, arguments @ ..] = &*job.argv else { return Err("there is no command".to_owned()) };
    let scratch = std::env::var_os("TMPDIR").unwrap_or_else(|| "/tmp".into());
    let mut command = match mechanism {
        Mechanism::Bubblewrap => {
            let files =
                calls::programs(job, mechanism, true)?.iter().map(bubblewrap::file).collect::<Result<Vec<_>, _>>();
            let files = files.map_err(|error| format!("its filters: {error}"))?;
            let mut command = Command::new(choose::bwrap().ok_or("bubblewrap is gone")?);
            command.args(bubblewrap::arguments(job, &files)).env("TMPDIR", "/tmp");
            // They are named on the command line: bubblewrap reads and closes them.
            files.into_iter().map(IntoRawFd::into_raw_fd).for_each(drop);
            command
        }
        Mechanism::Landlock | Mechanism::None => {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(&job.workspace).env("TMPDIR", &scratch);
            command
        }
    };
    command.env("PATH", places::PATH).env("HOME", job.home()).env("LANG", "C.UTF-8").envs(&job.env);
    command.stdin(Stdio::null());
    if mechanism == Mechanism::Landlock {
        let mounted = job.own.mount(true).is_ok();
        // Whoever is root here needs none of its powers; what it starts cannot get them back.
        let none = rustix::thread::CapabilitySet::empty();
        let none = rustix::thread::CapabilitySets { effective: none, permitted: none, inheritable: none };
        rustix::thread::set_no_new_privs(true).map_err(fail("no new privileges"))?;
        rustix::thread::set_capabilities(None, none).map_err(fail("its capabilities"))?;
        files::confine(job, Path::new(&scratch), mounted).map_err(|error| format!("landlock: {error}"))?;
        calls::confine(job, mounted).map_err(|error| format!("seccomp: {error}"))?;
    }
    Ok(command)
}

fn limits(job: &Job) -> rustix::io::Result<()> {
    // Should memory run out all the same, this goes first. A system that does not let it say so decides by itself.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let most = |resource, most: u64| {
        let most = rustix::process::getrlimit(resource).maximum.map_or(most, |present| most.min(present));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    };
    most(Resource::Data, job.limits.memory)?;
    most(Resource::Fsize, job.limits.file)?;
    most(Resource::Nofile, FILES)?;
    most(Resource::Core, 0)
}
