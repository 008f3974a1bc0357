//! A workspace of its own, with a home of its own, and the binary run in it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A folder to run the binary in.
pub struct Workspace(tempfile::TempDir);

/// What a run of the binary left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The shared library of a pack, which cargo builds beside this test because it is a dev-dependency.
pub fn library(pack: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().join(format!("libplugin_{pack}.so"))
}

impl Workspace {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One with these packs installed.
    pub fn with(packs: &[&str]) -> Self {
        let workspace = Self::new();
        for pack in packs {
            let library = library(pack);
            let bytes = std::fs::read(&library).unwrap_or_else(|error| panic!("{}: {error}", library.display()));
            workspace.put(&format!(".harness/plugins/libplugin_{pack}.so"), bytes);
        }
        workspace
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Writes a file.
    pub fn put(&self, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    /// The binary, ready to run here; nothing of the real home is seen.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_harness")), arguments)
    }

    /// As [`Workspace::command`], of a copy of the binary.
    pub fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        for name in ["HARNESS_PLUGINS", "HARNESS_POLICY", "ALFWORLD_DATA"] {
            command.env_remove(name);
        }
        for name in ["OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"] {
            command.env_remove(name);
        }
        // Tests make their folders by hand. `stranger.rs` takes this away.
        command.env("HARNESS_TRUST_FOLDER", "1");
        for (name, folder) in [
            ("HOME", "home"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CONFIG_HOME", "home/.config"),
        ] {
            command.env(name, self.path(folder));
        }
        command
    }

    /// Runs the binary; a crash is never a result.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// Runs the binary, which must succeed, and reads its one JSON object.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat()).success();
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
    }
}

/// Says that a sandbox is missing here, so that what is tested in it is skipped; where `HARNESS_REQUIRE_SANDBOXES` is set that is a failure.
pub fn sandbox_is_missing(why: &str) {
    assert!(std::env::var_os("HARNESS_REQUIRE_SANDBOXES").is_none(), "HARNESS_REQUIRE_SANDBOXES is set, and {why}");
    eprintln!("skipped: {why}");
}

/// The sandboxes of this machine, by their names in a configuration.
pub fn sandboxes() -> Vec<&'static str> {
    use harness_sandbox::{Choice, choose};
    let mut all = Vec::new();
    for choice in [Choice::Bubblewrap, Choice::Landlock] {
        match choose(choice) {
            Ok(mechanism) => all.push(mechanism.name()),
            Err(error) => sandbox_is_missing(&error.to_string()),
        }
    }
    all
}

/// Runs a command to its end.
pub fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(ran.code.is_some(), "killed by a signal: {ran:?}");
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    ran
}

impl Ran {
    /// It must have succeeded.
    pub fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// It must have failed with this code, saying all of this on standard error; as text, or with `--json` as an object.
    pub fn failure(self, code: i32, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert!(
            self.err.lines().any(|line| line.starts_with("error: ") || line.starts_with("{\"error\":")),
            "{}",
            self.err
        );
        for text in says {
            assert!(self.err.contains(text), "{text:?} is not in: {}", self.err);
        }
        self
    }

    /// The last line of standard output, which the shell's `$(… | tail -1)` would see.
    pub fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }
}

/// Entries of a folder that is not there are none.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
