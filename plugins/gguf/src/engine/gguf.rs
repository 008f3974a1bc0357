//! Reader of the GGUF container (version 2 and 3): metadata and the table of tensors.
//! Every count and length is checked against the bytes that are there before anything is allocated,
//! so a truncated or hostile file is an error and never a panic; tensor data is read when it is asked for,
//! some rows at a time, so that a file is never in memory as a whole. Format: ggml `docs/gguf.md`. Big-endian
//! files and files in several parts are refused.

use super::blocks::Format;
use super::error::{EngineError, Result};
use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes read for the header at first; a header that is longer is read again with four times as many.
const HEADER: usize = 16 << 20;
/// Bytes hashed at a time.
const PIECE: usize = 1 << 20;

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
    /// Whether anybody asked for it.
    read: AtomicBool,
}

enum Source {
    Memory(Vec<u8>),
    Disk(File),
}

/// An open GGUF file.
pub struct Gguf {
    path: PathBuf,
    source: Source,
    /// Bytes of the whole file.
    len: usize,
    metadata: HashMap<String, Value>,
    tensors: HashMap<String, TensorInfo>,
    data_start: usize,
}

struct Cursor<'a> {
    /// The beginning of the file.
    bytes: &'a [u8],
    at: usize,
    path: &'a Path,
    /// Bytes of the whole file.
    len: usize,
    /// Whether more was asked for than the beginning holds, and the file has it.
    short: bool,
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
                self.short = self.at.checked_add(n).is_some_and(|end| end <= self.len);
                Err(self.bad(format!("the file ends where {n} more bytes are needed ({} in all)", self.len)))
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
        let left = (self.len - self.at) as u64;
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
    /// Reads and checks what stands before the tensors' data.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not as the format says.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |source| EngineError::Io { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        let len = usize::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        loop {
            let before = bytes.len();
            bytes.resize(len.min(HEADER.max(4 * before)), 0);
            file.read_exact_at(&mut bytes[before..], before as u64).map_err(failed)?;
            let mut cursor = Cursor { bytes: &bytes, at: 0, path, len, short: false };
            match Self::header(&mut cursor) {
                Err(_) if cursor.short => {}
                Err(error) => return Err(error),
                Ok(header) => return header.checked(Source::Disk(file)),
            }
        }
    }

    /// Checks a file already in memory; `path` names it in errors.
    ///
    /// # Errors
    ///
    /// What of the file is not as the format says, and where.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let mut cursor = Cursor { bytes: &bytes, at: 0, path, len: bytes.len(), short: false };
        Self::header(&mut cursor)?.checked(Source::Memory(bytes))
    }

    /// The file without its source.
    fn header(c: &mut Cursor<'_>) -> Result<Self> {
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
                what: format!(
                    "tensor `{name}` is stored as {}; this engine reads {}",
                    Format::name(number),
                    Format::known()
                ),
            })?;
            let offset = usize::try_from(c.u64()?).unwrap_or(usize::MAX);
            tensors.insert(name, TensorInfo { dims, format, offset, read: AtomicBool::new(false) });
        }
        let align = match metadata.get("general.alignment") {
            Some(Value::Uint(a)) if (1..=4096).contains(a) => *a as usize,
            None => 32,
            Some(other) => return Err(c.bad(format!("alignment is {other:?}"))),
        };
        let data_start = c.at.next_multiple_of(align);
        let source = Source::Memory(Vec::new());
        Ok(Self { path: c.path.into(), source, len: c.len, metadata, tensors, data_start })
    }

    /// The file with its source, if all its tensors lie within it and it is the whole model.
    fn checked(self, source: Source) -> Result<Self> {
        if let Some(Value::Uint(parts @ 2..)) = self.get("split.count") {
            return Err(EngineError::Unsupported {
                what: format!(
                    "{} is one of {parts} files that make up a model; join them with `llama-gguf-split --merge`",
                    self.path.display()
                ),
            });
        }
        for (name, info) in &self.tensors {
            self.span(name, info)?;
        }
        Ok(Self { source, ..self })
    }

    /// Byte range of a tensor.
    fn span(&self, name: &str, info: &TensorInfo) -> Result<Range<usize>> {
        let len = self.len;
        let elements = info.dims.iter().try_fold(1usize, |a, d| a.checked_mul(*d));
        let block = info.format.weights();
        let whole = info.dims.first().is_none_or(|row| row.is_multiple_of(block));
        let range = elements.filter(|n| *n > 0 && n % block == 0 && whole).and_then(|n| {
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
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn digest(&self) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        match &self.source {
            Source::Memory(bytes) => {
                hasher.update(bytes);
            }
            Source::Disk(_) => {
                for start in (0..self.len).step_by(PIECE) {
                    hasher.update(&self.bytes(start..self.len.min(start + PIECE))?);
                }
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// Bytes of the file.
    fn bytes(&self, range: Range<usize>) -> Result<Vec<u8>> {
        match &self.source {
            Source::Memory(bytes) => Ok(bytes[range].to_vec()),
            Source::Disk(file) => {
                let mut bytes = vec![0; range.len()];
                let read = file.read_exact_at(&mut bytes, range.start as u64);
                read.map_err(|source| EngineError::Io { path: self.path.clone(), source })?;
                Ok(bytes)
            }
        }
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

    /// Tensors that nobody asked for, in the order of their names: a model that is computed without them is
    /// another model.
    pub fn unread(&self) -> Vec<&str> {
        let unread = self.tensors.iter().filter(|(_, info)| !info.read.load(Ordering::Relaxed));
        let mut names: Vec<&str> = unread.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The tensor of that name, if it has this shape, outermost dimension first.
    fn info(&self, name: &str, shape: &[usize]) -> Result<&TensorInfo> {
        let bad = |what| EngineError::Malformed { path: self.path.clone(), what, offset: self.data_start as u64 };
        let info = self.tensors.get(name).ok_or_else(|| bad(format!("tensor `{name}` is missing")))?;
        if !info.dims.iter().rev().eq(shape) {
            return Err(bad(format!("tensor `{name}` has shape {:?}, expected {shape:?} reversed", info.dims)));
        }
        info.read.store(true, Ordering::Relaxed);
        Ok(info)
    }

    /// How a tensor of that shape is stored.
    ///
    /// # Errors
    ///
    /// There is no such tensor, or its shape is another.
    pub fn format(&self, name: &str, shape: &[usize]) -> Result<Format> {
        Ok(self.info(name, shape)?.format)
    }

    /// Some rows of a matrix as they are stored.
    ///
    /// # Errors
    ///
    /// There is no such tensor, its shape is another, or it cannot be read.
    pub fn rows(&self, name: &str, shape: &[usize; 2], rows: Range<usize>) -> Result<Vec<u8>> {
        let info = self.info(name, shape)?;
        let span = self.span(name, info)?;
        let row = span.len() / shape[0];
        self.bytes(span.start + rows.start * row..span.start + rows.end.min(shape[0]) * row)
    }

    /// A tensor decoded to f32, row-major. `shape` is given outermost first and must match.
    ///
    /// # Errors
    ///
    /// There is no such tensor, its shape is another, or it cannot be read.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let info = self.info(name, shape)?;
        Ok(info.format.decode(&self.bytes(self.span(name, info)?)?))
    }
}
