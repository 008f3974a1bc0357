//! Where an OpenTelemetry collector is and what it wants to be sent, by the variables of the OTLP exporter specification; and what it
//! answers. Sends nothing itself.

use std::{ffi::OsString, time::Duration};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use percent_encoding::percent_decode_str;
use prost::Message;
use serde_json::Value;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// An address that is none.
    #[error("{name} is {value:?}; it must begin with http:// or https://")]
    Address {
        /// The variable, or the option.
        name: String,
        /// Its value.
        value: String,
    },
    /// A variable that holds something else than text.
    #[error("${name} is not UTF-8; set it anew or unset it")]
    NotText {
        /// The variable.
        name: String,
    },
    /// Headers that are none.
    #[error(
        "${name}: {value:?} is no header; write name=value, separated by commas, with other characters percent-encoded"
    )]
    Header {
        /// The variable.
        name: String,
        /// The part at fault: its name alone, since a value may be a secret.
        value: String,
    },
    /// A time that is none.
    #[error("${name} is {value:?}; it must be a number of milliseconds")]
    Timeout {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// Another way of speaking.
    #[error(
        "${name} is {value:?}; this program speaks http/json and http/protobuf: set it to one of them, and the endpoint to the collector's port for HTTP"
    )]
    Protocol {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// It took less than all.
    #[error("the collector refused {rejected} of {sent} spans: {message}")]
    Partial {
        /// Spans it refused.
        rejected: u64,
        /// Spans it was sent.
        sent: usize,
        /// What it says, one line.
        message: String,
    },
}

/// A collector that speaks OTLP over HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Collector {
    /// Where traces are posted.
    pub url: String,
    /// Headers beside its own; values may be secrets.
    pub headers: Vec<(String, String)>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How requests are written.
    pub encoding: Encoding,
}

/// How a request and its answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON, as protocol buffers have it.
    Json,
    /// Protocol buffers.
    Protobuf,
}

impl Encoding {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Collector").field("url", &self.url).field("headers", &names).finish_non_exhaustive()
    }
}

/// Milliseconds for a request, as the specification has it.
const PATIENCE: u64 = 10_000;
const TRACES: &str = "v1/traces";

impl Collector {
    /// The collector that `endpoint`, the base address on a command line, or the environment names; `variable` reads the latter.
    /// `None` if neither does: an empty variable is one that is not set.
    ///
    /// # Errors
    ///
    /// A variable that cannot be understood; the error names it.
    pub fn named(
        endpoint: Option<&str>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, CollectorError> {
        // What is said of traces goes before what is said of all signals.
        let either = |name: &str| {
            for name in [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")] {
                let Some(value) = variable(&name) else { continue };
                match value.to_str().map(str::trim) {
                    None => return Err(CollectorError::NotText { name }),
                    Some("") => {}
                    Some(value) => return Ok(Some((name, value.to_owned()))),
                }
            }
            Ok(None)
        };
        let flag = endpoint.map(str::trim).filter(|endpoint| !endpoint.is_empty());
        let (name, url) = match (flag, either("ENDPOINT")?) {
            (Some(base), _) => ("--endpoint".to_owned(), beneath(base.trim_end_matches(TRACES))),
            (None, Some((name, whole))) if name.contains("_TRACES_") => (format!("${name}"), whole),
            (None, Some((name, base))) => (format!("${name}"), beneath(&base)),
            (None, None) => return Ok(None),
        };
        if !["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme)) {
            return Err(CollectorError::Address { name, value: url });
        }
        let encoding = match either("PROTOCOL")? {
            None => Encoding::Json,
            Some((name, value)) => match value.as_str() {
                "http/json" => Encoding::Json,
                "http/protobuf" => Encoding::Protobuf,
                _ => return Err(CollectorError::Protocol { name, value }),
            },
        };
        let headers = either("HEADERS")?.map(|(name, text)| headers(&name, &text)).transpose()?.unwrap_or_default();
        let timeout = match either("TIMEOUT")? {
            None => PATIENCE,
            Some((name, value)) => value.parse().map_err(|_| CollectorError::Timeout { name, value })?,
        };
        Ok(Some(Self { url, headers, timeout: Duration::from_millis(timeout), encoding }))
    }

    /// What it answered a request of `sent` spans with: a word for the user, if there is one.
    ///
    /// # Errors
    ///
    /// It refused some of them.
    pub fn answered(&self, body: &[u8], sent: usize) -> Result<Option<String>, CollectorError> {
        let (rejected, message) = match self.encoding {
            Encoding::Json => said_in_json(body),
            Encoding::Protobuf => {
                let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
                let partial = answer.partial_success.unwrap_or_default();
                (u64::try_from(partial.rejected_spans).unwrap_or_default(), partial.error_message)
            }
        };
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        match (rejected, message.is_empty()) {
            (0, true) => Ok(None),
            (0, false) => Ok(Some(message)),
            (_, true) => Err(CollectorError::Partial { rejected, sent, message: "it does not say why".to_owned() }),
            (_, false) => Err(CollectorError::Partial { rejected, sent, message }),
        }
    }
}

/// The address of traces beneath a base address, whose query stays where it is.
fn beneath(base: &str) -> String {
    let (path, query) = base.find(['?', '#']).map_or((base, ""), |at| base.split_at(at));
    format!("{}/{TRACES}{query}", path.trim_end_matches('/'))
}

/// `name=value,name=value`, percent-encoded, as the specification has it (W3C Baggage without properties).
fn headers(variable: &str, text: &str) -> Result<Vec<(String, String)>, CollectorError> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| percent_decode_str(text.trim()).decode_utf8().map(String::from).ok();
            let token = |name: &String| {
                !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
            };
            let pair = decoded(name).filter(token).zip(decoded(value)).filter(|_| pair.contains('='));
            let pair = pair.filter(|(_, value)| !value.contains(|c: char| c.is_control() && c != '\t'));
            pair.ok_or_else(|| CollectorError::Header { name: variable.to_owned(), value: name.to_owned() })
        })
        .collect()
}

/// How many spans were refused, and what is said of it. Some answer with nothing, which is not forbidden.
fn said_in_json(body: &[u8]) -> (u64, String) {
    let answer = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let rejected = &partial["rejectedSpans"];
    // Integers of 64 bits are strings in JSON of this protocol; not all know that.
    let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or_default();
    (rejected, partial["errorMessage"].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(endpoint: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Collector>, String> {
        let variable = |name: &str| {
            let name = name.strip_prefix("OTEL_EXPORTER_OTLP_")?;
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        Collector::named(endpoint, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn the_specification_s_variables_are_read_as_it_says() {
        let url =
            |endpoint, variables: &[(&str, &str)]| named(endpoint, variables).map(|found| found.map(|found| found.url));
        for (endpoint, variables, expected) in [
            (None, &[][..], None),
            (None, &[("ENDPOINT", ""), ("TRACES_ENDPOINT", " ")], None),
            (Some(""), &[], None),
            (None, &[("ENDPOINT", "http://c:4318")], Some("http://c:4318/v1/traces")),
            (None, &[("ENDPOINT", "http://c/otlp/")], Some("http://c/otlp/v1/traces")),
            (None, &[("ENDPOINT", "http://c/otlp?key=1")], Some("http://c/otlp/v1/traces?key=1")),
            (None, &[("ENDPOINT", "http://c"), ("TRACES_ENDPOINT", "https://d/ingest")], Some("https://d/ingest")),
            (None, &[("ENDPOINT", "http://c"), ("TRACES_ENDPOINT", "")], Some("http://c/v1/traces")),
            (Some("http://e"), &[("TRACES_ENDPOINT", "https://d/x")], Some("http://e/v1/traces")),
            (Some("http://e/v1/traces"), &[], Some("http://e/v1/traces")),
        ] {
            assert_eq!(url(endpoint, variables), Ok(expected.map(str::to_owned)), "{endpoint:?} {variables:?}");
        }
        let found = named(
            Some("http://c"),
            &[
                ("HEADERS", "Authorization=Basic%20cGs6c2s%3D, x-tenant = a%2Cb ,,empty="),
                ("TIMEOUT", "2500"),
                ("PROTOCOL", "http/protobuf"),
            ],
        );
        let found = found.unwrap_or_default().unwrap_or_else(|| Collector {
            url: String::new(),
            headers: Vec::new(),
            timeout: Duration::ZERO,
            encoding: Encoding::Json,
        });
        let headers: Vec<_> = found.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("Authorization", "Basic cGs6c2s="), ("x-tenant", "a,b"), ("empty", "")]);
        assert_eq!((found.timeout, found.encoding), (Duration::from_millis(2500), Encoding::Protobuf));
        assert!(!format!("{found:?}").contains("cGs6"), "{found:?}");
        let traces = named(Some("http://c"), &[("HEADERS", "a=1"), ("TRACES_HEADERS", "b=2")]);
        assert_eq!(traces.unwrap_or_default().map(|found| found.headers), Some(vec![("b".to_owned(), "2".to_owned())]));
        for (variables, says) in [
            (&[("ENDPOINT", "c:4318")][..], "$OTEL_EXPORTER_OTLP_ENDPOINT is \"c:4318/v1/traces\""),
            (&[("ENDPOINT", "http://c"), ("PROTOCOL", "grpc")], "$OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\""),
            (
                &[("ENDPOINT", "http://c"), ("HEADERS", "secret")],
                "$OTEL_EXPORTER_OTLP_HEADERS: \"secret\" is no header",
            ),
            (&[("ENDPOINT", "http://c"), ("HEADERS", "a=x%0d%0ab:y")], "\"a\" is no header"),
            (&[("ENDPOINT", "http://c"), ("TRACES_TIMEOUT", "10s")], "$OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is \"10s\""),
        ] {
            let error = named(None, variables).err().unwrap_or_default();
            assert!(error.contains(says), "{error} should say {says}");
        }
    }

    #[test]
    fn what_a_collector_refuses_is_told() {
        let collector = |protocol: &str| named(Some("http://c"), &[("PROTOCOL", protocol)]).ok().flatten();
        let answered = |protocol: &str, body: &[u8]| {
            let answer = collector(protocol).map(|collector| collector.answered(body, 3));
            answer.map(|answer| answer.map_err(|error| error.to_string()))
        };
        for quiet in ["", "{}", "ok", "{\"partialSuccess\": {}}", "{\"partialSuccess\": {\"rejectedSpans\": \"0\"}}"] {
            assert_eq!(answered("http/json", quiet.as_bytes()), Some(Ok(None)), "{quiet}");
        }
        let warned = b"{\"partialSuccess\": {\"errorMessage\": \"old\\nschema\"}}";
        assert_eq!(answered("http/json", warned), Some(Ok(Some("old schema".to_owned()))));
        let refused = Some(Err("the collector refused 2 of 3 spans: too old".to_owned()));
        for count in ["2", "\"2\""] {
            let body = format!("{{\"partialSuccess\": {{\"rejectedSpans\": {count}, \"errorMessage\": \"too old\"}}}}");
            assert_eq!(answered("http/json", body.as_bytes()), refused);
        }
        let mut answer = ExportTraceServiceResponse::default();
        assert_eq!(answered("http/protobuf", &answer.encode_to_vec()), Some(Ok(None)));
        let partial = answer.partial_success.get_or_insert_default();
        (partial.rejected_spans, partial.error_message) = (2, "too old".to_owned());
        assert_eq!(answered("http/protobuf", &answer.encode_to_vec()), refused);
    }
}
