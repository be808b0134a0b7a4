//! JSON:API 1.1 (<https://jsonapi.org/format/1.1/>): media types, query parameters, request and response documents,
//! errors, and signed page cursors.
//!
//! Called by the Management API (`paylent-api`), whose generic handlers do, for any resource type:
//!
//! 1. [`media_type::check_accept`] and, for a body, [`media_type::check_content_type`];
//! 2. [`Query::collection`] or [`Query::resource`] with the resource's static [`Schema`];
//! 3. [`Incoming::create`] or [`Incoming::update`], then [`Incoming::read`] for typed values;
//! 4. [`Document`], or [`Errors`] when anything failed. Both implement `Serialize`.
//!
//! It refuses to know HTTP frameworks, databases, cryptography (the caller lends a [`Mac`]) and any resource of ours.
//! Nothing here panics on input: every refusal is an [`Error`] with a status, a code word and the place it speaks of.

#![deny(missing_docs)]

mod cursor;
mod document;
mod error;
mod filter;
mod incoming;
mod json;
mod linkage;
pub mod media_type;
mod page;
mod pagination;
mod parameters;
mod query;
mod reader;
mod resource;
mod schema;
mod text;

pub use cursor::{Cursor, CursorValue, Mac};
pub use document::Document;
pub use error::{Code, Error, Errors, Location, pointer};
pub use filter::{Condition, Filter};
pub use incoming::{Incoming, action, linkage_to_many, linkage_to_one};
pub use linkage::{Identifier, Linkage};
pub use page::{DEFAULT_PAGE_SIZE, MAX_OFFSET, MAX_PAGE_SIZE, Page, Start};
pub use query::{Fieldsets, Query, Sort};
pub use reader::{Attribute, Field, Reader, WrongType};
pub use resource::Resource;
pub use schema::{FilterField, Operator, Schema};
pub use text::{has_control_characters, refuse_control_characters};
