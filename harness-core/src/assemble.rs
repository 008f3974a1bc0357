//! From a harness to an agent: checks it, resolves every module it may ever use — mid-task rules included — and fails now
//! rather than in the middle of an episode.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use harness_abi::{Hook, ModuleError, ToolSpec};
use harness_host::{Host, HostError, Resolved};
use harness_spec::{
    AdaptRule, Config, Edit, Harness, ModuleRef, ModuleSpec, Permission, SpecError, SpecProblem, check, resolve_order,
};

use crate::{
    agent::Agent,
    assembled::{Assembled, ModelBinding, Plan, Slot, ToolModule},
    toolbox::{OfferedTool, Owner, Toolbox},
};

/// Most variants the rules of one harness may lead to.
const MOST_VARIANTS: usize = 64;

/// Why a harness cannot be assembled.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// It does not fit what is installed; every reason is carried, the first shown.
    #[error("the harness does not fit the installed modules: {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Spec(Vec<SpecError>),
    /// A module cannot be found, loaded or started.
    #[error(transparent)]
    Host(Box<HostError>),
    /// A tool does not say what it offers.
    #[error("tool `{id}` does not say what it offers: {error}")]
    Tool {
        /// The tool's id in the harness.
        id: String,
        /// Why.
        error: ModuleError,
    },
    /// Two tools have one name.
    #[error("two tools of the harness are called `{name}`; configure or remove one")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A budget of money, and a model whose price nobody knows: the budget would never be spent.
    #[error(
        "budget.cost is set, but nobody knows what `{model}` ({module}) costs; give its input_price and output_price in its \
         config or list it in prices.toml, or remove budget.cost"
    )]
    Unpriced {
        /// Its module.
        module: ModuleRef,
        /// The model's name.
        model: String,
    },
    /// The rules lead to too many variants.
    #[error(
        "the adapt rules lead to more than {MOST_VARIANTS} variants; use fewer rules, or rules that set fewer things"
    )]
    Variants,
}

impl From<HostError> for AssembleError {
    fn from(error: HostError) -> Self {
        Self::Host(Box::new(error))
    }
}

/// Assembles a harness into an agent.
///
/// # Errors
///
/// When the harness does not fit what is installed, or a module it names does not come up.
pub fn assemble(harness: &Harness, host: &Host) -> Result<Agent, AssembleError> {
    assembled(harness, host).map(|harness| Agent::new(Arc::new(harness)))
}

fn assembled(harness: &Harness, host: &Host) -> Result<Assembled, AssembleError> {
    check(harness, host.catalogue()).map_err(AssembleError::Spec)?;
    let mut bindings = BTreeMap::new();
    for (name, spec) in &harness.models {
        let chain = std::iter::once((&spec.module, &spec.config))
            .chain(spec.fallbacks.iter().map(|fallback| (&fallback.module, &fallback.config)));
        let mut models = Vec::new();
        for (reference, config) in chain {
            models.push((reference.clone(), host.model(reference, config)?));
        }
        let info = models.first().map_or_else(String::new, |(_, model)| harness_abi::kit::json(&model.info).into());
        bindings.insert(name.clone(), ModelBinding { models, info });
    }
    let unpriced =
        bindings.values().flat_map(|binding: &ModelBinding| &binding.models).find(|(_, model)| model.info.unpriced);
    if let Some((module, model)) = unpriced.filter(|_| harness.budget.cost.is_some()) {
        return Err(AssembleError::Unpriced { module: module.clone(), model: model.info.name.clone() });
    }
    let mut resolver = Resolver { host, modules: HashMap::new(), tools: HashMap::new() };
    let plans = resolver.plans(harness)?;
    Ok(Assembled { models: bindings, plans: plans.into_iter().map(Arc::new).collect() })
}

/// Resolves modules, each (module, config) once, so that plans that share a processor share what it is made from.
struct Resolver<'a> {
    host: &'a Host,
    modules: HashMap<(ModuleRef, String), Arc<Resolved>>,
    tools: HashMap<(String, ModuleRef, String), Arc<ToolModule>>,
}

fn config_key(config: &Config) -> String {
    serde_json::to_string(config).unwrap_or_default()
}

impl Resolver<'_> {
    /// The harness's own plan and those its rules lead to, by breadth.
    fn plans(&mut self, harness: &Harness) -> Result<Vec<Plan>, AssembleError> {
        let mut plans = vec![self.plan(harness)?];
        let mut next = 0;
        while let Some(from) = plans.get(next).map(|plan| plan.harness.clone()) {
            let mut switches = Vec::with_capacity(from.adapt.len());
            for rule in &from.adapt {
                switches.push(self.switch(&from, rule, &mut plans)?);
            }
            if let Some(plan) = plans.get_mut(next) {
                plan.switches = switches;
            }
            next += 1;
        }
        Ok(plans)
    }

    /// Which plan a rule leads to, or why it does not apply to this harness.
    fn switch(
        &mut self,
        from: &Harness,
        rule: &AdaptRule,
        plans: &mut Vec<Plan>,
    ) -> Result<Result<usize, String>, AssembleError> {
        let changed = Edit::from_changes(&rule.apply, from).and_then(|edit| edit.apply(from));
        let changed = match changed {
            Ok(changed) => changed,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let id = changed.variant_id(self.host.catalogue()).to_string();
        if let Some(known) = plans.iter().position(|plan| plan.variant == id) {
            return Ok(Ok(known));
        }
        // Rules were checked against the harness as written; here only the parts matter.
        let parts = Harness { adapt: Vec::new(), ..changed.clone() };
        if let Err(errors) = check(&parts, self.host.catalogue()) {
            return Ok(Err(errors.first().map_or_else(String::new, ToString::to_string)));
        }
        if plans.len() == MOST_VARIANTS {
            return Err(AssembleError::Variants);
        }
        plans.push(self.plan(&changed)?);
        Ok(Ok(plans.len() - 1))
    }

    fn plan(&mut self, harness: &Harness) -> Result<Plan, AssembleError> {
        let catalogue = self.host.catalogue();
        let order = resolve_order(harness, catalogue).map_err(|error| AssembleError::Spec(vec![error]))?;
        let mut slots = Vec::with_capacity(harness.processors.len());
        for spec in &harness.processors {
            let module = self.module(&spec.module, &spec.config)?;
            let may_ask = module.manifest.permissions.contains(&Permission::Model);
            slots.push(Slot { id: spec.id.clone(), module, may_ask });
        }
        let mut tools = Vec::with_capacity(harness.tools.len());
        let mut offers = Vec::new();
        for (index, spec) in harness.tools.iter().enumerate() {
            let tool = self.tool(spec, harness)?;
            offers.extend(tool.offers.iter().map(|offer| OfferedTool::new(offer, Owner::Harness(index))));
            tools.push(tool);
        }
        Toolbox::new(&offers, &[], &[], harness.action).map_err(|name| AssembleError::Duplicate { name })?;
        let variant = harness.variant_id(catalogue).to_string();
        let hooks = Hook::ALL.map(|hook| order.of(hook).to_vec());
        Ok(Plan { variant, harness: harness.clone(), slots, hooks, tools, offers, switches: Vec::new() })
    }

    fn module(&mut self, reference: &ModuleRef, config: &Config) -> Result<Arc<Resolved>, AssembleError> {
        let key = (reference.clone(), config_key(config));
        if let Some(known) = self.modules.get(&key) {
            return Ok(known.clone());
        }
        let resolved = Arc::new(self.host.resolve(reference, config)?);
        self.modules.insert(key, resolved.clone());
        Ok(resolved)
    }

    fn tool(&mut self, spec: &ModuleSpec, harness: &Harness) -> Result<Arc<ToolModule>, AssembleError> {
        let key = (spec.id.clone(), spec.module.clone(), config_key(&spec.config));
        if let Some(known) = self.tools.get(&key) {
            return Ok(known.clone());
        }
        let module = self.module(&spec.module, &spec.config)?;
        let fail = |error| AssembleError::Tool { id: spec.id.clone(), error };
        let instance = module.tool().map_err(fail)?;
        let json = instance.specs().into_result().map_err(fail)?;
        module.as_locked(&json).map_err(fail)?;
        let offers: Vec<ToolSpec> = serde_json::from_str(&json).map_err(|error| fail(error.into()))?;
        let shared = module.manifest.shared.then(|| Arc::new(instance));
        let inner = self.inner(spec, harness)?;
        let tool = Arc::new(ToolModule { id: spec.id.clone(), module, shared, offers, harness: inner });
        self.tools.insert(key, tool.clone());
        Ok(tool)
    }

    /// The harness that answers a tool's calls, if one does.
    fn inner(&self, spec: &ModuleSpec, harness: &Harness) -> Result<Option<Arc<Assembled>>, AssembleError> {
        let Some(inner) = harness.inner(spec, self.host.catalogue()) else { return Ok(None) };
        let inner = inner.map_err(|problem| {
            AssembleError::Spec(vec![SpecError::new(format!("tool `{}`", spec.id), SpecProblem::Inner(problem))])
        })?;
        let inner = assembled(&inner, self.host)?;
        if let Some(model) = inner.unpriced().first().filter(|_| harness.budget.cost.is_some()) {
            return Err(AssembleError::Unpriced { module: spec.module.clone(), model: (*model).to_owned() });
        }
        Ok(Some(Arc::new(inner)))
    }
}
