//! A game ready to play: numbered facts, ground operators, sorted commands and compiled text.
//! Immutable; many worlds share one.

use std::collections::BTreeMap;

use crate::ground::{AnyOf, Grounded, ground};
use crate::hash::Map;
use crate::pddl::{Domain, Entities, Literal, PredicateId, Problem, Source};
use crate::rules::Rules;
use crate::text::{Bound, Compiler, Context, Grammar, Programs, Schema};
use crate::{GameError, GameFile, TaskType};

/// A loaded game.
#[derive(Debug)]
pub struct Game {
    pub(crate) rules: Rules,
    /// All commands, sorted bytewise.
    pub(crate) commands: Vec<Box<str>>,
    pub(crate) command_ids: Map<Box<str>, u32>,
    pub(crate) programs: Programs,
    pub(crate) names: Vec<String>,
    pub(crate) entities: Entities,
    pub(crate) intro: String,
    task: String,
    task_type: Option<TaskType>,
    walkthrough: Vec<String>,
}

impl Game {
    /// Loads a game from its JSON file.
    ///
    /// # Errors
    /// Whatever is wrong with the JSON, the PDDL or the grammar, as a [`GameError`].
    pub fn parse(json: &str) -> Result<Self, GameError> {
        Self::from_file(&GameFile::from_json(json)?)
    }

    /// Loads a game from its parts.
    ///
    /// # Errors
    /// As [`Game::parse`], JSON aside.
    pub fn from_file(file: &GameFile) -> Result<Self, GameError> {
        // PDDL is case-insensitive and the reference lower-cases it all.
        let domain_text = file.pddl_domain.to_ascii_lowercase();
        let problem_text = file.pddl_problem.to_ascii_lowercase();
        let domain_source = Source { section: "pddl_domain", text: &domain_text };
        let problem_source = Source { section: "pddl_problem", text: &problem_text };
        let domain_sections = domain_source.read()?;
        let problem_sections = problem_source.read()?;
        let mut domain = Domain::new();
        domain.read_types(domain_source, &domain_sections)?;
        let entities = Entities::read(
            &mut domain,
            [(domain_source, &domain_sections, ":constants"), (problem_source, &problem_sections, ":objects")],
        )?;
        domain.read_actions(domain_source, &domain_sections, &entities)?;
        let problem = Problem::read(problem_source, &problem_sections, &mut domain, &entities)?;
        let grammar = Grammar::parse(&file.grammar)?;

        let text_only = domain.predicate_count();
        shadow_negations(&mut domain, &grammar)?;
        let mentioned = mentioned(&domain, &problem, &grammar);
        let grounded = ground(&domain, &entities, &problem, &mentioned, text_only)?;
        let mut present = vec![false; entities.len()];
        for entity in problem.init.iter().flat_map(|(_, arguments)| arguments) {
            present[usize::from(*entity)] = true;
        }
        let names = crate::names::display_names(&entities, &present);
        let context = Context { domain: &domain, entities: &entities, names: &names, grammar: &grammar };

        let mut at_start = Compiler::new(context, &grounded, true);
        let intro = at_start.named("intro")?;
        let task = if grammar.rules.contains_key("task") { at_start.named("task")? } else { String::new() };

        let goal_mentions = |name: &str| {
            let id = domain.known_predicate(name);
            id.is_some() && problem.goal.iter().flatten().any(|l| l.predicate == id)
        };
        let two = problem.goal.iter().flatten().any(|l| l.predicate.is_none() && !l.positive);
        let task_type = TaskType::from_goal(goal_mentions, two);
        let Assembly { rules, commands, programs } = assemble(context, grounded)?;
        Ok(Self {
            rules,
            command_ids: commands.iter().cloned().zip(0..).collect(),
            commands,
            programs,
            intro,
            task,
            task_type,
            walkthrough: file.walkthrough.clone(),
            names,
            entities,
        })
    }

    /// Commands that win from the start, if the file gives any.
    #[must_use]
    pub fn walkthrough(&self) -> &[String] {
        &self.walkthrough
    }

    /// The task sentence, such as `Your task is to: put a mug in desk.`; empty if there is none.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.task
    }

    /// The kind of task, if the goal is of one of the six.
    #[must_use]
    pub fn task_type(&self) -> Option<TaskType> {
        self.task_type
    }

    /// Every command that can ever be admissible, sorted.
    pub fn commands(&self) -> impl ExactSizeIterator<Item = &str> {
        self.commands.iter().map(|c| &**c)
    }
}

/// The reference keeps a `not_` fact for whatever an action made false. Where the text asks for
/// such facts they become facts of their own, set and cleared beside the real ones.
fn shadow_negations(domain: &mut Domain, grammar: &Grammar) -> Result<(), GameError> {
    let mut shadows: BTreeMap<PredicateId, PredicateId> = BTreeMap::new();
    let mut asked: Vec<&str> = grammar.queries().iter().flat_map(|q| &q.facts).map(|f| f.predicate.as_str()).collect();
    asked.sort_unstable();
    for name in asked {
        if let Some(real) = name.strip_prefix("not_").and_then(|n| domain.known_predicate(n)) {
            shadows.insert(real, domain.predicate_id(name)?);
        }
    }
    for action in &mut domain.actions {
        let mut more = Vec::new();
        for effect in &action.effects {
            if let Some(shadow) = effect.literal.predicate.and_then(|p| shadows.get(&p)) {
                let mut copy = effect.clone();
                copy.literal = Literal { predicate: Some(*shadow), positive: !effect.literal.positive, ..copy.literal };
                more.push(copy);
            }
        }
        action.effects.append(&mut more);
    }
    Ok(())
}

/// Which predicates anything reads.
fn mentioned(domain: &Domain, problem: &Problem, grammar: &Grammar) -> Vec<bool> {
    let mut mentioned = vec![false; domain.predicate_count()];
    let conditions = domain
        .actions
        .iter()
        .flat_map(|a| a.effects.iter().map(|e| &e.condition).chain([&a.precondition]))
        .chain([&problem.goal]);
    let in_text = grammar.queries().into_iter().flat_map(|q| &q.facts);
    let predicates = conditions
        .flatten()
        .flatten()
        .filter_map(|l| l.predicate)
        .chain(in_text.filter_map(|f| domain.known_predicate(&f.predicate)));
    predicates.for_each(|p| mentioned[usize::from(p)] = true);
    mentioned
}

/// Rules, commands and programs of a grounded game.
struct Assembly {
    rules: Rules,
    commands: Vec<Box<str>>,
    programs: Programs,
}

/// Compiles text and lays out operators by command.
fn assemble(context: Context<'_>, grounded: Grounded) -> Result<Assembly, GameError> {
    let mut compiler = Compiler::new(context, &grounded, false);
    let mut schemas: Vec<Option<Schema<'_>>> = context.domain.actions.iter().map(|_| None).collect();
    let mut by_command: Map<String, Vec<(u32, AnyOf)>> = Map::default();
    let mut rules = Rules::default();
    for mut operator in grounded.operators {
        let Some(action) = context.domain.actions.get(operator.action) else { continue };
        let text = context.grammar.actions.get(&action.name).ok_or_else(|| {
            GameError::grammar(action.name.as_str(), "the domain has this action but the grammar does not")
        })?;
        let env: Vec<Bound<'_>> = action
            .parameters
            .iter()
            .zip(&action.variables)
            .zip(&operator.arguments)
            .map(|((name, kind), entity)| Bound { name, kind: *kind, entity: *entity })
            .collect();
        let schema = match schemas.get_mut(operator.action) {
            Some(Some(schema)) => schema,
            Some(slot) => slot.insert(compiler.schema(text, &action.parameters)?),
            None => continue,
        };
        let command = compiler.constant(&text.template, &env, &action.name)?;
        let slots = compiler.slots(schema, &env)?;
        let number = rules.add(&mut operator, schema.program, slots);
        by_command.entry(command).or_default().push((number, operator.conjunctions));
    }
    let mut by_command: Vec<_> = by_command.into_iter().collect();
    by_command.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let (commands, owned): (Vec<String>, Vec<_>) = by_command.into_iter().unzip();
    Ok(Assembly {
        rules: rules.finish(owned, grounded.goal, &grounded.initial),
        commands: commands.into_iter().map(String::into_boxed_str).collect(),
        programs: compiler.finish(),
    })
}
