//! schema_parity
