//! The task sentence, understood: what to do with which kind of object and which kind of place. Knows the sentences of
//! household games and leaves any other alone.

/// What must happen to an object before it is put down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Clean,
    Heat,
    Cool,
}

impl Change {
    /// The command's verb.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Heat => "heat",
            Self::Cool => "cool",
        }
    }

    /// The kind of place that does it.
    pub fn place(self) -> &'static str {
        match self {
            Self::Clean => "sinkbasin",
            Self::Heat => "microwave",
            Self::Cool => "fridge",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The kind of object.
    pub object: String,
    /// The kind of place, or of lamp.
    pub target: String,
    /// What must happen to the object first.
    pub change: Option<Change>,
    /// How many objects.
    pub count: usize,
    /// Whether the target is a lamp to hold the object under.
    pub lamp: bool,
}

/// What precedes the sentence in the first observation.
const LEAD: &str = "Your task is to:";

impl Goal {
    /// Finds and reads the sentence in a text.
    pub fn find(text: &str) -> Option<Self> {
        let sentence = text.rsplit_once(LEAD)?.1;
        Self::parse(sentence.split(['.', '\n']).find(|part| !part.trim().is_empty())?)
    }

    fn parse(sentence: &str) -> Option<Self> {
        let lower = sentence.to_lowercase();
        let words: Vec<&str> = lower
            .split_whitespace()
            .filter(|word| !matches!(*word, "a" | "an" | "some" | "the" | "it" | "them"))
            .collect();
        let goal = |object: &str, target: &str, change, count, lamp| {
            Some(Self { object: object.into(), target: target.into(), change, count, lamp })
        };
        match words.as_slice() {
            ["look", "at", object, "under", lamp] | ["examine", object, "with", lamp] => {
                goal(object, lamp, None, 1, true)
            }
            ["put", "two", object, "in" | "on", place] | ["find", "two", object, "and", "put", "in" | "on", place] => {
                goal(object, place, None, 2, false)
            }
            ["put", state @ ("clean" | "hot" | "cool"), object, "in" | "on", place]
            | [state @ ("clean" | "heat" | "cool"), object, "and", "put", "in" | "on", place] => {
                let change = match *state {
                    "clean" => Change::Clean,
                    "cool" => Change::Cool,
                    _ => Change::Heat,
                };
                goal(object, place, Some(change), 1, false)
            }
            ["put", object, "in" | "on", place] => goal(object, place, None, 1, false),
            _ => None,
        }
    }
}

/// The kind of a numbered name: `desk` of `desk 2`.
pub fn kind(name: &str) -> &str {
    name.rsplit_once(' ').map_or(name, |(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_understood() {
        let check = |text: &str, object: &str, target: &str, change: Option<Change>, count: usize, lamp: bool| {
            let found = Goal::find(&format!("You see a room.\n\nYour task is to: {text}."));
            let expected = Goal { object: object.into(), target: target.into(), change, count, lamp };
            assert_eq!(found, Some(expected), "{text}");
        };
        check("put a mug in desk", "mug", "desk", None, 1, false);
        check("put some soapbar on toilet", "soapbar", "toilet", None, 1, false);
        check("look at pillow under the desklamp", "pillow", "desklamp", None, 1, true);
        check("examine the pillow with the desklamp", "pillow", "desklamp", None, 1, true);
        check("clean some ladle and put it in drawer", "ladle", "drawer", Some(Change::Clean), 1, false);
        check("put a clean ladle in drawer", "ladle", "drawer", Some(Change::Clean), 1, false);
        check("heat some egg and put it in fridge", "egg", "fridge", Some(Change::Heat), 1, false);
        check("put a hot egg in fridge", "egg", "fridge", Some(Change::Heat), 1, false);
        check("cool some pan and put it in stoveburner", "pan", "stoveburner", Some(Change::Cool), 1, false);
        check("put a cool pan in stoveburner", "pan", "stoveburner", Some(Change::Cool), 1, false);
        check("find two cd and put them in safe", "cd", "safe", None, 2, false);
        check("put two cd in safe", "cd", "safe", None, 2, false);
        assert_eq!(Goal::find("Your task is to: sing."), None);
        assert_eq!(Goal::find("put a mug in desk"), None);
        assert_eq!(kind("stoveburner 12"), "stoveburner");
    }
}
