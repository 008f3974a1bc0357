//! A hand-written game small enough to check every word, and what is said of broken ones.

use std::sync::Arc;

use household_engine::{Game, GameError, GameFile, World};

/// The tiny game.
pub fn lodge() -> GameFile {
    GameFile {
        pddl_domain: include_str!("../fixtures/lodge.pddl").into(),
        grammar: include_str!("../fixtures/lodge.twl2").into(),
        pddl_problem: include_str!("../fixtures/lodge-problem.pddl").into(),
        solvable: true,
        walkthrough: Vec::new(),
    }
}

#[test]
fn the_lodge_plays_word_for_word() {
    let game = Arc::new(Game::from_file(&lodge()).unwrap());
    assert_eq!((game.task(), game.task_type()), ("Dust it all.", None));
    let mut world = World::new(game);
    assert_eq!(world.observation().text, "Lodge. Here: a chest 2, a chest 1, and a trunk 1.\nDust it all.");
    let mut check = |command: &str, text: &str, admissible: &[&str]| {
        assert_eq!(world.step(command).text, text, "{command}");
        assert_eq!(world.admissible().collect::<Vec<_>>(), admissible, "{command}");
    };
    let at_nook = ["go to chest 1", "home", "look"];
    let with = |more: &[&'static str]| {
        let mut all = [&at_nook[..], more].concat();
        all.sort_unstable();
        all
    };
    check("home", "Nothing happens.", &["go to chest 1", "go to chest 2", "go to trunk 1", "look"]);
    // chest 2 and trunk 1 share a place: neither can be gone to from the other.
    check(
        "  go to chest 2\n",
        "In chest 2: the coin 2.",
        &with(&["dust chest 2", "dust trunk 1", "take coin 1", "take coin 2"]),
    );
    check(
        "look",
        "By dusty chest 2, and dusty trunk 1. Astray: nothing.",
        &with(&["dust chest 2", "dust trunk 1", "take coin 1", "take coin 2"]),
    );
    // With the hands full only a lamp would let one dust; things in boxes cannot be viewed,
    // because the type in that quantifier does not exist.
    check(
        "take coin 2",
        "Taken: coin 2. In chest 2: nothing.",
        &with(&["drop coin 2 in chest 2", "drop coin 2 in trunk 1", "view coin 2"]),
    );
    check(
        "drop coin 2 in trunk 1",
        "In trunk 1: the coin 1.",
        &with(&["dust chest 2", "dust trunk 1", "take coin 1", "take coin 2"]),
    );
    // The list leaves out the coin just dropped: no two placeholders stand for one thing. It was
    // taken from chest 2, and what became false is remembered.
    check(
        "look",
        "By dusty chest 2, and dusty trunk 1. Astray: coin 2.",
        &with(&["dust chest 2", "dust trunk 1", "take coin 1", "take coin 2"]),
    );
    check("dust chest 2", "chest 2 is clean.", &with(&["dust trunk 1", "take coin 1", "take coin 2"]));
    check("dust trunk 1", "trunk 1 is clean.", &with(&["take coin 1", "take coin 2"]));
    check(
        "home",
        "Back. Here: a chest 2, a chest 1, and a trunk 1.",
        &["go to chest 1", "go to chest 2", "go to trunk 1", "look"],
    );
    let before = world.clone();
    for (command, text, won) in [
        ("go to chest 1", "In chest 1: the lamp 1.", false),
        ("take lamp 1", "Taken: lamp 1. In chest 1: nothing.", false),
        ("flip lamp 1", "lamp 1 glows.", false),
        ("flip lamp 1", "lamp 1 is dark.", false),
        ("flip lamp 1", "lamp 1 glows.", false),
        ("go to trunk 1", "In trunk 1: the coin 2, and the coin 1.", false),
        ("drop lamp 1 in trunk 1", "In trunk 1: the coin 2, and the coin 1.", true),
        ("take lamp 1", "Taken: lamp 1. In trunk 1: the coin 2, and the coin 1.", false),
    ] {
        let seen = world.step(command);
        assert_eq!((seen.text, seen.won), (text, won), "{command}");
    }
    // A clone is a snapshot, and a reset is a new start.
    world.clone_from(&before);
    assert_eq!(world.step("go to chest 1").text, "In chest 1: the lamp 1.");
    world.reset();
    assert_eq!(world.step("go to chest 2").text, "In chest 2: the coin 2.");
}

#[test]
fn errors_say_what_and_where() {
    let check = |edit: fn(&mut GameFile), expected: &str| {
        let mut file = lodge();
        edit(&mut file);
        let error = Game::from_file(&file).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error} / {expected}");
    };
    check(|f| f.pddl_problem.truncate(100), "pddl_problem, line 2, column 3: `(` is never closed");
    check(|f| f.pddl_domain.clear(), "pddl_domain, line 1, column 1: empty");
    check(|f| f.pddl_domain.push(')'), "text after the last parenthesis");
    check(|f| f.pddl_domain = "(".repeat(100_000), "nested too deeply");
    check(
        |f| f.pddl_problem = f.pddl_problem.replace("(at me hall)", "(at me moon)"),
        "line 4, column 36: unknown object `moon`",
    );
    check(|f| f.pddl_problem = f.pddl_problem.replace("(:goal", "(:gaol"), "expected one `(:goal ...)`");
    check(
        |f| f.pddl_domain = f.pddl_domain.replace("(has ?a ?o) (at ?a ?l)", "(has ?a ?q) (at ?a ?l)"),
        "unknown name `?q`",
    );
    check(|f| f.grammar = f.grammar.replace("action home", "action hearth"), "grammar, home: ");
    check(|f| f.grammar = f.grammar.replace("\"box\":", "\"boks\":"), "no rule is called `box`");
    check(|f| f.grammar = f.grammar.replace("#box# |", "#look# |"), "without end");
    check(|f| f.grammar = f.grammar.replace("view {o}", "view {x}"), "nothing here is called `x`");
    check(|f| f.grammar = f.grammar.replace("template :: \"home\";", ""), "needs a template");
    check(
        |f| f.grammar = f.grammar.replace("template :: \"look\"", "template :: \"[{o.name | in(o:thing, b:box)}]\""),
        "may not depend on the state",
    );
    check(
        |f| f.grammar = f.grammar.replace("near(o:thing, l:location)", "near(o:thing"),
        "expected `predicate(name:type, ...)`",
    );
    check(
        |f| f.pddl_domain = f.pddl_domain.replace("(forall (?l - location)", "(forall (?l ?q ?s ?t ?u - object)"),
        "bindings of a forall: more than",
    );
    for json in ["", "{", "[]", r#"{"pddl_domain": ""}"#, r#"{"pddl_domain": 1, "grammar": "", "pddl_problem": ""}"#] {
        assert!(matches!(Game::parse(json), Err(GameError::Json(_))), "{json}");
    }
}
