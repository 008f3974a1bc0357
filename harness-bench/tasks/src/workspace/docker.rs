//! What a Dockerfile asks for, as far as a folder can give it: where one works, what is copied, variables. Everything else is
//! named, so that whoever runs the task without a container knows what it goes without.

use std::path::{Path, PathBuf};

/// A container's file, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Docker {
    /// Where one works.
    pub folder: Option<PathBuf>,
    /// What is copied: from beside the file, into the working folder.
    pub copies: Vec<(PathBuf, PathBuf)>,
    /// What cannot be had without a container.
    pub missing: Vec<String>,
}

/// Images that hold a system and nothing of the task's.
const PLAIN: [&str; 6] = ["alpine", "bash", "busybox", "debian", "scratch", "ubuntu"];

/// Reads a Dockerfile; `beside` is the folder it lies in.
pub(super) fn read(text: &str, beside: &Path) -> Docker {
    let mut docker = Docker::default();
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    for line in joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let understood = match word.to_ascii_uppercase().as_str() {
            "FROM" => words.first().is_some_and(|image| {
                let name = image.rsplit('/').next().unwrap_or(image).split([':', '@']).next().unwrap_or_default();
                PLAIN.contains(&name)
            }),
            "WORKDIR" => match words.as_slice() {
                [path] if Path::new(path).is_absolute() && *path != "/" => {
                    docker.folder = Some(PathBuf::from(path));
                    true
                }
                _ => false,
            },
            "COPY" => copy(&mut docker, &words, beside),
            "CMD" | "ENTRYPOINT" | "LABEL" | "MAINTAINER" | "EXPOSE" | "STOPSIGNAL" => true,
            _ => false,
        };
        if !understood {
            let shown: String = line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
            docker.missing.push(shown);
        }
    }
    docker
}

/// A copy of files beside the Dockerfile into the working folder; anything else cannot be had.
fn copy(docker: &mut Docker, words: &[&str], beside: &Path) -> bool {
    let [sources @ .., target] = words else { return false };
    let plain =
        |word: &&str| !word.starts_with("--") && !word.contains(['*', '?', '[', '$', '"']) && !word.contains("..");
    if sources.is_empty() || !words.iter().all(plain) {
        return false;
    }
    let folder = docker.folder.clone().unwrap_or_else(|| PathBuf::from("/"));
    let Ok(inside) = folder.join(target).strip_prefix(&folder).map(Path::to_owned) else { return false };
    if docker.folder.is_none() {
        return false;
    }
    for source in sources {
        let from = beside.join(source.trim_start_matches('/'));
        let into_folder = target.ends_with('/') || *target == "." || sources.len() > 1;
        let to = match (from.is_dir(), into_folder) {
            (false, true) => inside.join(Path::new(source).file_name().unwrap_or_default()),
            _ => inside.clone(),
        };
        // A link out of the folder would show what is not the task's.
        let beside = beside.canonicalize();
        if !from.canonicalize().is_ok_and(|real| beside.is_ok_and(|beside| real.starts_with(beside))) {
            return false;
        }
        docker.copies.push((from, if to.as_os_str().is_empty() { PathBuf::from(".") } else { to }));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_folder_can_give_is_taken_and_the_rest_is_named() {
        let beside = tempfile::tempdir().unwrap();
        std::fs::create_dir(beside.path().join("data")).unwrap();
        std::fs::write(beside.path().join("a.txt"), "").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", beside.path().join("out")).unwrap();
        let docker = read(
            "# a task\nFROM docker.io/library/ubuntu:24.04\nWORKDIR /app\nCOPY a.txt ./\nCOPY data data\nCOPY a.txt /app/b.txt\n\
             RUN apt-get update && \\\n    apt-get install -y tmux\nCOPY a.txt /etc/\nCOPY --chmod=755 a.txt .\nCOPY none .\nCOPY out .\nENV A=1\n\
             CMD [\"bash\"]\n",
            beside.path(),
        );
        assert_eq!(docker.folder, Some("/app".into()));
        let copies: Vec<_> = docker.copies.iter().map(|(_, to)| to.to_str().unwrap()).collect();
        assert_eq!(copies, ["a.txt", "data", "b.txt"]);
        assert_eq!(
            docker.missing,
            [
                "RUN apt-get update && apt-get install -y tmux",
                "COPY a.txt /etc/",
                "COPY --chmod=755 a.txt .",
                "COPY none .",
                "COPY out .",
                "ENV A=1"
            ]
        );
        assert_eq!(read("FROM python:3.13-slim", beside.path()).missing, ["FROM python:3.13-slim"]);
    }
}
