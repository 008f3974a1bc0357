//! One report out of the suites' own: JSON around JSON, a page around pages. It adds the times and says nothing itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    evolve::{HTML, JSON},
    failure::{Failure, Outcome},
    phases::Phases,
};

fn read(folder: &Path, suite: &str, name: &str) -> Outcome<String> {
    let path = folder.join(suite).join(name);
    fs::read_to_string(&path).map_err(|error| Failure::file(&path, error))
}

fn write_file(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| Failure::file(path, error))
}

/// A document as the value of an attribute in double quotes.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;")
}

/// Writes `report.json` and `report.html` into `folder` and gives the path of the page. Each suite's own page is embedded
/// whole, so the result needs no other file and no network.
pub fn write(folder: &Path, suites: &[&str], phases: &Phases) -> Outcome<PathBuf> {
    let mut members = Vec::new();
    let mut sections = String::new();
    for suite in suites {
        members.push(format!("\"{suite}\": {}", read(folder, suite, JSON)?.trim()));
        let page = attribute(&read(folder, suite, HTML)?);
        sections.push_str(&format!("<h2>{suite}</h2>\n<iframe title=\"{suite}\" srcdoc=\"{page}\"></iframe>\n"));
    }
    let json = format!("{{\"seconds\": {}, \"suites\": {{{}}}}}\n", phases.json(), members.join(",\n"));
    write_file(&folder.join(JSON), &json)?;
    let page = PAGE.replace("{times}", &phases.table()).replace("{sections}", &sections);
    let path = folder.join(HTML);
    write_file(&path, &page)?;
    Ok(path)
}

const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>harness bench</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}iframe{width:100%;height:80vh;border:1px solid #ccc}</style>
</head><body><h1>cargo xtask bench</h1>
{sections}<h2>Time</h2>
<pre>{times}</pre>
</body></html>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_suites_become_one() {
        let folder = std::env::temp_dir().join(format!("xtask-report-{}", std::process::id()));
        fs::create_dir_all(folder.join("one")).expect("a scratch folder");
        write_file(&folder.join("one").join(JSON), "{\"gain\": 1}\n").expect("it can be written");
        write_file(&folder.join("one").join(HTML), "<p title=\"x\">").expect("it can be written");
        let mut phases = Phases::begin();
        phases.part("build", || Ok(())).expect("it does nothing");
        let page = write(&folder, &["one"], &phases).expect("both are there");
        let json = fs::read_to_string(folder.join(JSON)).expect("it was written");
        assert_eq!(json, "{\"seconds\": {\"build\": 0.0}, \"suites\": {\"one\": {\"gain\": 1}}}\n");
        assert!(fs::read_to_string(page).expect("it was written").contains("srcdoc=\"<p title=&quot;x&quot;>\""));
        assert!(write(&folder, &["two"], &phases).is_err());
        fs::remove_dir_all(folder).expect("it is there");
    }

    #[test]
    fn a_page_inside_a_page_keeps_its_quotes() {
        assert_eq!(attribute(r#"<a href="x?a&b">"#), "<a href=&quot;x?a&amp;b&quot;>");
    }
}
