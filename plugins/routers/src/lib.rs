//! Tool routers as a module pack
