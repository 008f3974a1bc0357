//! Rules that pick an option without a model: what a suite of choices is worth beside them. Each is a plain function of the question,
//! its options and, where it learns, the explore tasks. Refuses tasks that are no choice.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// A task with options, as a rule may see it; `passes` is for the marking alone.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The task.
    pub task: String,
    /// Tasks that stand or fall together.
    pub group: String,
    /// What is asked.
    pub question: String,
    /// The options in the order in which they are shown.
    pub options: Vec<String>,
    /// Which of them pass.
    pub passes: Vec<bool>,
    /// Whether rules may learn from it.
    pub explore: bool,
}

impl Choice {
    /// What a blind choice passes.
    fn chance(&self) -> f64 {
        self.passes.iter().filter(|passes| **passes).count() as f64 / self.passes.len().max(1) as f64
    }

    fn right(&self) -> Option<&str> {
        let found = self.options.iter().zip(&self.passes).find(|(_, passes)| **passes);
        found.map(|(option, _)| option.as_str())
    }
}

/// How a rule did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleScore {
    /// The rule.
    pub rule: &'static str,
    /// How it picks.
    pub about: &'static str,
    /// Tasks it answered: all with options, or those that are not for exploring where it learns from these.
    pub tasks: usize,
    /// Those it passed.
    pub passed: usize,
    /// Those that a blind choice passes, on the mean.
    pub chance: f64,
}

/// Less above chance is nothing to speak of, however sure.
const LEAST: f64 = 0.05;
/// Standard errors above chance from which it is no luck: one rule in a thousand comes so far by luck.
const ERRORS: f64 = 3.0;

impl RuleScore {
    /// Share of tasks it passed.
    pub fn share(&self) -> f64 {
        self.passed as f64 / self.tasks.max(1) as f64
    }

    /// Share that a blind choice passes.
    pub fn chance_share(&self) -> f64 {
        self.chance / self.tasks.max(1) as f64
    }

    /// Whether it is clearly above chance: by more than five points, and by more than three standard errors.
    pub fn is_above_chance(&self) -> bool {
        let (chance, tasks) = (self.chance_share(), self.tasks.max(1) as f64);
        let excess = self.share() - chance;
        excess > LEAST && excess > ERRORS * (chance * (1.0 - chance) / tasks).sqrt()
    }
}

/// What a rule knows: the explore tasks.
struct Learnt<'a> {
    explore: Vec<&'a Choice>,
    /// Words of each of them.
    words: Vec<BTreeSet<String>>,
    /// How often a place was right.
    places: BTreeMap<usize, f64>,
    /// How often a word stood in right options, and in all.
    counts: BTreeMap<String, (f64, f64)>,
}

impl<'a> Learnt<'a> {
    fn of(all: &'a [Choice]) -> Self {
        let explore: Vec<&Choice> = all.iter().filter(|choice| choice.explore).collect();
        let (mut places, mut counts) = (BTreeMap::new(), BTreeMap::<String, (f64, f64)>::new());
        for choice in &explore {
            for (place, (option, passes)) in choice.options.iter().zip(&choice.passes).enumerate() {
                let right = f64::from(u8::from(*passes));
                *places.entry(place).or_default() += right;
                for word in words(option) {
                    let count = counts.entry(word).or_default();
                    *count = (count.0 + right, count.1 + 1.0);
                }
            }
        }
        let words = explore.iter().map(|choice| all_words(choice)).collect();
        Self { explore, words, places, counts }
    }

    /// The explore task of another group that shares most words with this one.
    fn neighbour(&self, choice: &Choice) -> Option<&'a Choice> {
        let own = all_words(choice);
        let likeness = |other: &BTreeSet<String>| {
            let both = own.intersection(other).count() as f64;
            both / ((own.len() + other.len()) as f64 - both).max(1.0)
        };
        let others = self.explore.iter().zip(&self.words).filter(|(other, _)| other.group != choice.group);
        let (other, _) = others.max_by(|(_, a), (_, b)| likeness(a).total_cmp(&likeness(b)))?;
        Some(*other)
    }

    /// Mean over words of how often each was right where it stood, smoothed.
    fn worth(&self, option: &str) -> f64 {
        let share = |word: &String| {
            let (right, all) = self.counts.get(word).copied().unwrap_or_default();
            (right + 0.5) / (all + 2.0)
        };
        mean(words(option).iter().map(share))
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

fn words(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn all_words(choice: &Choice) -> BTreeSet<String> {
    choice.options.iter().map(String::as_str).chain([choice.question.as_str()]).flat_map(words).collect()
}

/// A rule's liking for each option; the first of the best is picked.
type Liking = fn(&Learnt<'_>, &Choice, usize) -> f64;

/// Name, how it picks, whether it learns from the explore tasks, its liking.
const RULES: [(&str, &str, bool, Liking); 7] = [
    ("random", "blindly", false, |_, choice, place| {
        // FNV-1a of task and place: fixed by its definition.
        let bytes = choice.task.bytes().chain([u8::try_from(place).unwrap_or(u8::MAX)]);
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        (hash >> 11) as f64
    }),
    ("place", "the place that is right most often", true, |learnt, _, place| {
        learnt.places.get(&place).copied().unwrap_or_default()
    }),
    ("longest", "the longest option", false, |_, choice, place| length(choice, place)),
    ("shortest", "the shortest option", false, |_, choice, place| -length(choice, place)),
    ("overlap", "most words of the question", false, |_, choice, place| {
        let question = words(&choice.question);
        let option = choice.options.get(place).map(|option| words(option)).unwrap_or_default();
        option.intersection(&question).count() as f64 / option.len().max(1) as f64
    }),
    ("words", "words that were right most often", true, |learnt, choice, place| {
        choice.options.get(place).map_or(0.0, |option| learnt.worth(option))
    }),
    ("neighbour", "most like the right answer of the most similar task", true, |learnt, choice, place| {
        let right = learnt.neighbour(choice).and_then(Choice::right).map(words).unwrap_or_default();
        let option = choice.options.get(place).map(|option| words(option)).unwrap_or_default();
        let both = option.intersection(&right).count() as f64;
        both / ((option.len() + right.len()) as f64 - both).max(1.0)
    }),
];

fn length(choice: &Choice, place: usize) -> f64 {
    choice.options.get(place).map_or(0, |option| option.chars().count()) as f64
}

/// Every rule on every task it may answer; nothing where no task has options.
pub(crate) fn play(all: &[Choice]) -> Vec<RuleScore> {
    let learnt = Learnt::of(all);
    let rules = RULES.iter().filter(|_| !all.is_empty());
    rules
        .map(|(rule, about, learns, liking)| {
            let mut score = RuleScore { rule, about, tasks: 0, passed: 0, chance: 0.0 };
            for choice in all.iter().filter(|choice| !(*learns && choice.explore)) {
                let mut best: Option<(f64, usize)> = None;
                for place in 0..choice.options.len() {
                    let like = liking(&learnt, choice, place);
                    if best.is_none_or(|(most, _)| like > most) {
                        best = Some((like, place));
                    }
                }
                let passes = best.and_then(|(_, place)| choice.passes.get(place)).copied().unwrap_or(false);
                score.tasks += 1;
                score.passed += usize::from(passes);
                score.chance += choice.chance();
            }
            score
        })
        .filter(|score| score.tasks > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(number: usize, question: &str, options: &[&str], right: usize) -> Choice {
        Choice {
            task: format!("t{number}"),
            group: format!("t{number}"),
            question: question.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            passes: (0..options.len()).map(|place| place == right).collect(),
            explore: number.is_multiple_of(2),
        }
    }

    fn passed(all: &[Choice]) -> Vec<(&'static str, usize, usize, bool)> {
        play(all).into_iter().map(|one| (one.rule, one.passed, one.tasks, one.is_above_chance())).collect()
    }

    #[test]
    fn a_suite_that_a_rule_solves_is_found_out() {
        // The right option is the longest, holds a word of the question and the word `yes`, and stands in the second place.
        let all: Vec<Choice> = (0..60)
            .map(|number| choice(number, &format!("ask item {number}?"), &["no a", "yes item", "no"], 1))
            .collect();
        let above: Vec<_> = passed(&all).into_iter().filter(|(.., above)| *above).collect();
        assert_eq!(
            above,
            [
                ("place", 30, 30, true),
                ("longest", 60, 60, true),
                ("overlap", 60, 60, true),
                ("words", 30, 30, true),
                ("neighbour", 30, 30, true),
            ]
        );
        let shortest = play(&all).into_iter().find(|score| score.rule == "shortest").unwrap();
        assert!(shortest.passed == 0 && (shortest.chance_share() - 1.0 / 3.0).abs() < 1e-9, "{shortest:?}");
    }

    #[test]
    fn a_balanced_suite_is_left_alone_and_an_open_one_has_no_rules() {
        let options = ["red", "tin", "sun", "owl"];
        let all: Vec<Choice> =
            (0..80).map(|number| choice(number, &format!("which {}?", number / 8), &options, number / 2 % 4)).collect();
        assert!(passed(&all).iter().all(|(.., above)| !above), "{:?}", passed(&all));
        assert_eq!(play(&[]), []);
        // By luck alone: 3 of 4 right where one is expected, but there are only four tasks.
        let few = [0, 0, 0, 1].map(|right| choice(1, "which?", &options, right));
        assert!(passed(&few).iter().all(|(.., above)| !above));
    }
}
