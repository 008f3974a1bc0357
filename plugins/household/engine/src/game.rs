//! A game ready to play: numbered facts, ground operators, sorted commands and compiled text.
//! Immutable; many worlds share one.

use std::collections::{BTreeMap, HashMap};

use crate::ground::{AnyOf, Grounded, Lit, ground};
use crate::pddl::{Domain, Entities, EntityId, Literal, PredicateId, Problem, Source};
use crate::text::{Bound, Compiler, Context, Grammar, ProgramId, Programs, Schema};
use crate::{GameError, GameFile, TaskType};

/// A loaded game.
#[derive(Debug)]
pub struct Game {
    /// Facts at the start, one bit each.
    pub(crate) initial: Vec<u64>,
    /// All commands, sorted bytewise.
    pub(crate) commands: Vec<Box<str>>,
    pub(crate) command_ids: HashMap<Box<str>, u32>,
    /// For each command, its conjunctions are `command_start[c]..command_start[c + 1]`; the one
    /// past the last command is the goal.
    pub(crate) command_start: Vec<u32>,
    pub(crate) conjunctions: Vec<Vec<Lit>>,
    /// The command (or goal) and operator of each conjunction.
    pub(crate) owners: Vec<(u32, u32)>,
    /// The conjunctions that read each fact, and the value they want.
    pub(crate) watchers: Vec<Vec<(u32, bool)>>,
    pub(crate) operators: Vec<CompiledOperator>,
    pub(crate) programs: Programs,
    pub(crate) names: Vec<String>,
    pub(crate) entities: Entities,
    pub(crate) intro: String,
    task: String,
    task_type: Option<TaskType>,
    walkthrough: Vec<String>,
}

/// An operator with its text.
#[derive(Debug)]
pub(crate) struct CompiledOperator {
    pub arguments: Vec<EntityId>,
    pub effects: Vec<Lit>,
    pub conditional: Vec<(AnyOf, Lit)>,
    pub program: ProgramId,
    pub slots: Vec<ProgramId>,
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
        let parts = assemble(context, grounded)?;
        Ok(Self { intro, task, task_type, walkthrough: file.walkthrough.clone(), names, entities, ..parts })
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

/// Compiles text and lays out operators by command. Leaves names and task to the caller.
fn assemble(context: Context<'_>, grounded: Grounded) -> Result<Game, GameError> {
    let mut compiler = Compiler::new(context, &grounded, false);
    let mut schemas: Vec<Option<Schema<'_>>> = context.domain.actions.iter().map(|_| None).collect();
    let mut by_command: BTreeMap<String, Vec<(u32, AnyOf)>> = BTreeMap::new();
    let mut operators = Vec::with_capacity(grounded.operators.len());
    for operator in grounded.operators {
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
        by_command.entry(command).or_default().push((operators.len() as u32, operator.conjunctions));
        operators.push(CompiledOperator {
            program: schema.program,
            arguments: operator.arguments,
            effects: operator.effects,
            conditional: operator.conditional,
            slots,
        });
    }
    let mut game = Game {
        initial: vec![0; grounded.facts.len().div_ceil(64)],
        commands: Vec::with_capacity(by_command.len()),
        command_ids: HashMap::with_capacity(by_command.len()),
        command_start: vec![0],
        conjunctions: Vec::new(),
        owners: Vec::new(),
        watchers: vec![Vec::new(); grounded.facts.len()],
        operators,
        programs: compiler.finish(),
        names: Vec::new(),
        entities: Entities::default(),
        intro: String::new(),
        task: String::new(),
        task_type: None,
        walkthrough: Vec::new(),
    };
    for (fact, _) in grounded.initial.iter().enumerate().filter(|(_, holds)| **holds) {
        game.initial[fact / 64] |= 1 << (fact % 64);
    }
    for (command, owned) in by_command {
        let id = game.commands.len() as u32;
        for (operator, conjunctions) in owned {
            game.own(id, operator, conjunctions);
        }
        game.command_ids.insert(command.as_str().into(), id);
        game.commands.push(command.into());
        game.command_start.push(game.conjunctions.len() as u32);
    }
    game.own(game.commands.len() as u32, u32::MAX, grounded.goal);
    Ok(game)
}

impl Game {
    fn own(&mut self, command: u32, operator: u32, conjunctions: AnyOf) {
        for lits in conjunctions {
            let id = self.conjunctions.len() as u32;
            for lit in &lits {
                self.watchers[lit.fact as usize].push((id, lit.positive));
            }
            self.conjunctions.push(lits);
            self.owners.push((command, operator));
        }
    }
}
