//! Which key may be sent to which host: the variables everybody knows, and those the user bound in the policy.

use harness_spec::Policy;

use super::act::Act;

/// Variables whose hosts are known.
const KNOWN: &[(&str, &str)] = &[
    ("ANTHROPIC_API_KEY", "api.anthropic.com"),
    ("DEEPSEEK_API_KEY", "api.deepseek.com"),
    ("FIREWORKS_API_KEY", "api.fireworks.ai"),
    ("GEMINI_API_KEY", "generativelanguage.googleapis.com"),
    ("GROQ_API_KEY", "api.groq.com"),
    ("MISTRAL_API_KEY", "api.mistral.ai"),
    ("OPENAI_API_KEY", "api.openai.com"),
    ("OPENROUTER_API_KEY", "openrouter.ai"),
    ("TOGETHER_API_KEY", "api.together.xyz"),
    ("XAI_API_KEY", "api.x.ai"),
];

/// Whether what is done sends no key, or one to a host it is bound to.
pub(super) fn bound(policy: &Policy, act: &Act) -> bool {
    let Act::Key { variable, host } = act else { return true };
    let known = KNOWN.iter().any(|(name, of)| name == variable && of == host);
    known || policy.keys.get(variable).is_some_and(|hosts| hosts.contains(host))
}
