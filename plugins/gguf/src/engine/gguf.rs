//! Reader of the GGUF container (version 2 and 3): metadata and the table of tensors.
//! Every count and length is checked against the bytes that are there before anything is allocated,
//! so a truncated or hostile file is an error and never a panic; tensor data is decoded in `blocks`.
//! Format: ggml `docs/gguf.md`. Big-endian files are refused.

use super::blocks::Format;
use super::error::{EngineError, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A metadata value; integers of all widths are widened.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Any unsigned or non-negative integer.
    Uint(u64),
    /// Any negative integer.
    Int(i64),
    /// f32 or f64.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// UTF-8 text.
    Text(String),
    /// Homogeneous array.
    Array(Vec<Value>),
}

struct TensorInfo {
    dims: Vec<usize>,
    format: Format,
    offset: usize,
}

/// An open GGUF file, wholly in memory.
pub struct Gguf {
    path: PathBuf,
    bytes: Vec<u8>,
    metadata: HashMap<String, Value>,
    tensors: HashMap<String, TensorInfo>,
    data_start: usize,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    path: &'a Path,
}

impl<'a> Cursor<'a> {
    fn bad(&self, what: impl Into<String>) -> EngineError {
        EngineError::Malformed { path: self.path.into(), what: what.into(), offset: self.at as u64 }
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        match self.at.checked_add(n).and_then(|end| self.bytes.get(self.at..end)) {
            Some(slice) => {
                self.at += n;
                Ok(slice)
            }
            None => {
                Err(self.bad(format!("the file ends where {n} more bytes are needed ({} in all)", self.bytes.len())))
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N as u64)?);
        Ok(out)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn text(&mut self) -> Result<String> {
        let len = self.u64()?;
        let raw = self.take(len)?;
        String::from_utf8(raw.to_vec()).map_err(|_| self.bad("a string is not UTF-8"))
    }

    /// A count of items that each take at least `min` bytes: refused when they cannot be there.
    fn count(&mut self, min: u64, what: &str) -> Result<usize> {
        let n = self.u64()?;
        let left = (self.bytes.len() - self.at) as u64;
        if n.saturating_mul(min) > left {
            return Err(self.bad(format!("{n} {what} are claimed but {left} bytes are left")));
        }
        Ok(n as usize)
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value> {
        let signed = |v: i64| u64::try_from(v).map_or(Value::Int(v), Value::Uint);
        Ok(match kind {
            0 => Value::Uint(u8::from_le_bytes(self.array()?).into()),
            1 => signed(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Uint(u16::from_le_bytes(self.array()?).into()),
            3 => signed(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Uint(self.u32()?.into()),
            5 => signed(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Bool(self.array::<1>()? != [0]),
            8 => Value::Text(self.text()?),
            9 => {
                if depth > 4 {
                    return Err(self.bad("arrays are nested more than four deep"));
                }
                let kind = self.u32()?;
                let min = match kind {
                    0 | 1 | 7 => 1,
                    2 | 3 => 2,
                    4..=6 => 4,
                    _ => 8,
                };
                let n = self.count(min, "array items")?;
                Value::Array((0..n).map(|_| self.value(kind, depth + 1)).collect::<Result<_>>()?)
            }
            10 => Value::Uint(self.u64()?),
            11 => signed(i64::from_le_bytes(self.array()?)),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            other => return Err(self.bad(format!("metadata type {other} is not known"))),
        })
    }
}

impl Gguf {
    /// Reads and checks the whole file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or [`Gguf::parse`] refuses it.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| EngineError::Io { path: path.into(), source })?;
        Self::parse(path, bytes)
    }

    /// Checks a file already in memory; `path` names it in errors.
    ///
    /// # Errors
    ///
    /// What of the file is not as the format says, and where.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let mut c = Cursor { bytes: &bytes, at: 0, path };
        if c.take(4).ok() != Some(b"GGUF") {
            c.at = 0;
            return Err(c.bad("it does not begin with `GGUF`"));
        }
        let version = c.u32()?;
        if !(2..=3).contains(&version) {
            return Err(c.bad(format!("version {version} is not 2 or 3")));
        }
        let n_tensors = c.count(24, "tensors")?;
        let n_values = c.count(12, "metadata entries")?;
        let mut metadata = HashMap::new();
        for _ in 0..n_values {
            let key = c.text()?;
            let kind = c.u32()?;
            let value = c.value(kind, 0)?;
            metadata.insert(key, value);
        }
        let mut tensors = HashMap::new();
        for _ in 0..n_tensors {
            let name = c.text()?;
            let n_dims = c.u32()?;
            if n_dims > 4 {
                return Err(c.bad(format!("tensor `{name}` has {n_dims} dimensions")));
            }
            let dims =
                (0..n_dims).map(|_| Ok(usize::try_from(c.u64()?).unwrap_or(usize::MAX))).collect::<Result<Vec<_>>>()?;
            let number = c.u32()?;
            let format = Format::numbered(number).ok_or_else(|| EngineError::Unsupported {
                what: format!("tensor `{name}` has ggml type {number}, which is not decoded here"),
            })?;
            let offset = usize::try_from(c.u64()?).unwrap_or(usize::MAX);
            tensors.insert(name, TensorInfo { dims, format, offset });
        }
        let align = match metadata.get("general.alignment") {
            Some(Value::Uint(a)) if (1..=4096).contains(a) => *a as usize,
            None => 32,
            Some(other) => return Err(c.bad(format!("alignment is {other:?}"))),
        };
        let data_start = c.at.next_multiple_of(align);
        let file = Self { path: path.into(), bytes: Vec::new(), metadata, tensors, data_start };
        for (name, info) in &file.tensors {
            file.span(name, info, bytes.len())?;
        }
        Ok(Self { bytes, ..file })
    }

    /// Byte range of a tensor in a file of `len` bytes.
    fn span(&self, name: &str, info: &TensorInfo, len: usize) -> Result<std::ops::Range<usize>> {
        let elements = info.dims.iter().try_fold(1usize, |a, d| a.checked_mul(*d));
        let block = info.format.weights();
        let range = elements.filter(|n| *n > 0 && n % block == 0).and_then(|n| {
            let start = self.data_start.checked_add(info.offset)?;
            let end = start.checked_add((n / block).checked_mul(info.format.bytes())?)?;
            Some(start..end)
        });
        match range {
            Some(range) if range.end <= len => Ok(range),
            _ => Err(EngineError::Malformed {
                path: self.path.clone(),
                what: format!(
                    "tensor `{name}` of shape {:?} does not lie within the {len} bytes of the file",
                    info.dims
                ),
                offset: self.data_start.saturating_add(info.offset) as u64,
            }),
        }
    }

    /// BLAKE3 of the whole file, in hex.
    pub fn digest(&self) -> String {
        blake3::hash(&self.bytes).to_hex().to_string()
    }

    /// A metadata value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// A required non-negative integer.
    ///
    /// # Errors
    ///
    /// The file has no such key, or its value is of another type.
    pub fn uint(&self, key: &str) -> Result<usize> {
        match self.get(key) {
            Some(Value::Uint(v)) => Ok(usize::try_from(*v).unwrap_or(usize::MAX)),
            other => Err(self.missing(key, "an integer", other)),
        }
    }

    /// A required number.
    ///
    /// # Errors
    ///
    /// The file has no such key, or its value is of another type.
    pub fn float(&self, key: &str) -> Result<f64> {
        match self.get(key) {
            Some(Value::Float(v)) => Ok(*v),
            Some(Value::Uint(v)) => Ok(*v as f64),
            other => Err(self.missing(key, "a number", other)),
        }
    }

    /// A required text.
    ///
    /// # Errors
    ///
    /// The file has no such key, or its value is of another type.
    pub fn text(&self, key: &str) -> Result<&str> {
        match self.get(key) {
            Some(Value::Text(v)) => Ok(v),
            other => Err(self.missing(key, "text", other)),
        }
    }

    /// A required array of texts.
    ///
    /// # Errors
    ///
    /// The file has no such key, or its value is of another type.
    pub fn texts(&self, key: &str) -> Result<Vec<&str>> {
        let wrong = |found| self.missing(key, "an array of texts", found);
        let Some(Value::Array(items)) = self.get(key) else { return Err(wrong(self.get(key))) };
        let texts = items.iter().map(|v| match v {
            Value::Text(t) => Ok(t.as_str()),
            other => Err(wrong(Some(other))),
        });
        texts.collect()
    }

    fn missing(&self, key: &str, wanted: &str, found: Option<&Value>) -> EngineError {
        let found = found.map_or("nothing".into(), |v| format!("{v:.40?}"));
        EngineError::Malformed {
            path: self.path.clone(),
            what: format!("metadata `{key}` should be {wanted}, found {found}"),
            offset: 0,
        }
    }

    /// Whether a tensor of that name exists.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor decoded to f32, row-major. `shape` is given outermost first and must match.
    ///
    /// # Errors
    ///
    /// There is no such tensor, its shape is another, or its block format is unknown.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let Some(info) = self.tensors.get(name) else {
            return Err(EngineError::Malformed {
                path: self.path.clone(),
                what: format!("tensor `{name}` is missing"),
                offset: self.data_start as u64,
            });
        };
        if !info.dims.iter().rev().eq(shape) {
            return Err(EngineError::Malformed {
                path: self.path.clone(),
                what: format!("tensor `{name}` has shape {:?}, expected {shape:?} reversed", info.dims),
                offset: self.data_start as u64,
            });
        }
        Ok(info.format.decode(&self.bytes[self.span(name, info, self.bytes.len())?]))
    }
}
