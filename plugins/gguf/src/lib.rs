//! GGUF language models on the CPU as a module pack
