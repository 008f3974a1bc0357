//! What tokens cost: prices of the configuration, else of the user's file, else of the list in this crate, by the model's name. Refuses a
//! list with a price it cannot read; a model nobody lists has no price, and says so.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use harness_abi::{ModuleError, Usage};
use serde::Deserialize;

use crate::http::Service;

const LISTED: &str = include_str!("prices.toml");

/// Prices of a model, in dollars for a million tokens: millionths of a dollar a token.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens read.
    pub input: f64,
    /// Tokens read from a cache; as `input` when not given.
    pub cached: Option<f64>,
    /// Tokens read and written into a cache; as `input` when not given.
    pub write: Option<f64>,
    /// Tokens replied.
    pub output: f64,
}

/// Tokens used, apart by what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Read, neither from a cache nor into one.
    pub fresh: u64,
    /// Read from a cache.
    pub cached: u64,
    /// Read and written into a cache.
    pub written: u64,
    /// Replied.
    pub output: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    source: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(default, rename = "date")]
    _date: String,
    #[serde(default, rename = "url")]
    _url: String,
    model: BTreeMap<String, Price>,
}

impl List {
    fn parse(text: &str, place: &str) -> Result<Self, ModuleError> {
        let wrong = |what: String| {
            ModuleError::config(format_args!("{place}: {what}; docs/models.md shows how a list of prices looks"))
        };
        let list: Self = toml::from_str(text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        for (name, price) in list.source.iter().flat_map(|source| &source.model) {
            let all = [Some(price.input), price.cached, price.write, Some(price.output)];
            if let Some(bad) = all.into_iter().flatten().find(|dollars| !(dollars.is_finite() && *dollars >= 0.0)) {
                return Err(wrong(format!("the model `{name}` has the price {bad}; a price is 0 or more")));
            }
        }
        Ok(list)
    }

    /// The price of a model: its own, else that of the name it is a dated release of.
    fn find(&self, model: &str) -> Option<Price> {
        let all = || self.source.iter().flat_map(|source| &source.model);
        let own = all().find(|(name, _)| *name == model);
        own.or_else(|| all().find(|(name, _)| model.strip_prefix(name.as_str()).is_some_and(dated)))
            .map(|(_, price)| *price)
    }
}

/// Whether what follows a name is a date: `-2024-08-06`, `-20250929`, or `-latest`.
fn dated(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('-') else { return false };
    rest == "latest" || (rest.len() >= 8 && rest.chars().all(|c| c.is_ascii_digit() || c == '-'))
}

/// Whether a text is a list of prices. For a fuzzer.
pub fn is_list(text: &str) -> bool {
    List::parse(text, "prices").is_ok_and(|list| list.find("gpt-4o-2024-08-06").is_none_or(|price| price.input >= 0.0))
}

/// The user's own list: `prices.toml` in `$XDG_CONFIG_HOME/harness`, else in `~/.config/harness`.
fn of_user() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("harness/prices.toml"))
}

fn listed(model: &str, user: Option<&Path>) -> Result<Option<Price>, ModuleError> {
    if let Some(path) = user {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                if let Some(price) = List::parse(&text, &path.display().to_string())?.find(model) {
                    return Ok(Some(price));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(ModuleError::config(format_args!("cannot read the prices in {}: {error}", path.display())));
            }
        }
    }
    Ok(List::parse(LISTED, "the list of prices")?.find(model))
}

impl Price {
    /// What this model costs; `None` when nobody knows.
    pub fn of(service: &Service) -> Result<Option<Self>, ModuleError> {
        let given = [service.input_price, service.cached_price, service.output_price];
        if let [Some(input), cached, Some(output)] = given {
            return Ok(Some(Self { input, cached, write: None, output }));
        }
        let listed = listed(&service.model, of_user().as_deref())?;
        if given.iter().all(Option::is_none) {
            return Ok(listed);
        }
        let Some(listed) = listed else {
            return Err(ModuleError::config(format_args!(
                "the model `{}` is in no list of prices, so give both input_price and output_price, or none",
                service.model
            )));
        };
        let [input, cached, output] = given;
        Ok(Some(Self {
            input: input.unwrap_or(listed.input),
            cached: cached.or(listed.cached),
            write: listed.write,
            output: output.unwrap_or(listed.output),
        }))
    }
}

impl Tokens {
    /// As a record keeps them, with what they cost.
    pub fn priced(self, price: &Price) -> Usage {
        #[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^53")]
        let cost = |count: u64, dollars: f64| count as f64 * dollars;
        let cost = cost(self.fresh, price.input)
            + cost(self.cached, price.cached.unwrap_or(price.input))
            + cost(self.written, price.write.unwrap_or(price.input))
            + cost(self.output, price.output);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "prices are not negative, and the cast saturates"
        )]
        let cost_micros = cost.ceil() as u64;
        Usage {
            input_tokens: self.fresh.saturating_add(self.cached).saturating_add(self.written),
            cached_tokens: self.cached,
            output_tokens: self.output,
            cost_micros,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_s_list_goes_first_and_names_stand_for_their_releases() {
        let folder = std::env::temp_dir().join(format!("harness-prices-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("prices.toml");
        let own = "[[source]]\n[source.model]\n\"gpt-4o\" = { input = 7, output = 8 }\n\"mine\" = { input = 1, output = 2 }\n";
        std::fs::write(&file, own).expect("a file");
        let input = |model: &str| listed(model, Some(&file)).expect("a list").map(|price| price.input);
        assert_eq!(input("gpt-4o"), Some(7.0));
        assert_eq!(input("gpt-4o-2024-08-06"), Some(7.0));
        assert_eq!(input("mine"), Some(1.0));
        assert_eq!(input("gpt-4o-mini"), Some(0.15), "another model, and listed here");
        assert_eq!(input("claude-sonnet-4-5-20250929"), Some(3.0));
        assert_eq!(input("gpt-4o-audio"), None, "no release of gpt-4o");
        for (text, words) in [
            ("[[source]]\n[source.model]\nx = { input = -1, output = 2 }\n", "a price is 0 or more"),
            ("[[source]]\n[source.model]\nx = { inptu = 1, output = 2 }\n", "inptu"),
            ("oops", "docs/models.md"),
        ] {
            std::fs::write(&file, text).expect("a file");
            let error = listed("x", Some(&file)).expect_err("a refusal");
            assert!(error.message.contains(words) && error.message.contains("prices.toml"), "{error}");
        }
        std::fs::remove_dir_all(&folder).expect("a folder to remove");
        assert_eq!(listed("x", Some(&file)).expect("a list"), None, "no file is no list");
    }

    #[test]
    fn every_token_costs_what_it_is() {
        let price = Price { input: 4.0, cached: Some(0.5), write: Some(5.0), output: 20.0 };
        let usage = Tokens { fresh: 1, cached: 2, written: 3, output: 4 }.priced(&price);
        assert_eq!(usage, Usage { input_tokens: 6, cached_tokens: 2, output_tokens: 4, cost_micros: 4 + 1 + 15 + 80 });
    }
}
