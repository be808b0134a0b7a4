//! The discovery and JWKS documents: written once, then served as bytes for five seconds.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
    sync::{Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY},
    web::{Bytes, Data},
};
use paylent_domain::Timestamp;
use serde::Serialize;

use super::{engine, environment, reply::Refusal};
use crate::Settings;

/// How long a written document is served without looking whether it changed.
const KEEP_SECONDS: i64 = 5;
/// More documents than this are not kept.
const MAX_KEPT: usize = 10_000;
/// How long clients may keep the documents, in seconds. A deactivated key may be trusted by others for as long.
const METADATA_AGE: &str = "public, max-age=300";
const JWKS_AGE: &str = "public, max-age=60";

/// The documents that were written lately, by their URL.
#[derive(Default)]
pub(crate) struct Documents(Mutex<HashMap<(Kind, String), Kept>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Metadata,
    Jwks,
}

#[derive(Clone)]
struct Written {
    body: Bytes,
    etag: String,
}

struct Kept {
    written: Written,
    until: Timestamp,
}

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`
pub(crate) async fn metadata(request: HttpRequest, settings: Data<Settings>, kept: Data<Documents>) -> HttpResponse {
    let Some(env) = environment(&request) else { return HttpResponse::NotFound().finish() };
    let issuer = &env.tenant().base_url;
    let now = settings.clock.now();
    let written = match kept.get(Kind::Metadata, issuer, now) {
        Some(written) => Ok(written),
        None => {
            write(&engine(&env, &settings).metadata()).map(|written| kept.keep(Kind::Metadata, issuer, written, now))
        }
    };
    serve(&request, written, METADATA_AGE, issuer)
}

/// `GET /.well-known/jwks.json`
pub(crate) async fn jwks(request: HttpRequest, settings: Data<Settings>, kept: Data<Documents>) -> HttpResponse {
    let Some(env) = environment(&request) else { return HttpResponse::NotFound().finish() };
    let issuer = &env.tenant().base_url;
    let now = settings.clock.now();
    let written = match kept.get(Kind::Jwks, issuer, now) {
        Some(written) => Ok(written),
        None => match engine(&env, &settings).jwks().await {
            Ok(set) => write(&set).map(|written| kept.keep(Kind::Jwks, issuer, written, now)),
            Err(error) => Err(error.into()),
        },
    };
    serve(&request, written, JWKS_AGE, issuer)
}

fn write(document: &impl Serialize) -> Result<Written, Refusal> {
    let body = serde_json::to_vec(document).map_err(paylent_oauth::Error::unavailable)?;
    let mut digest = DefaultHasher::new();
    digest.write(&body);
    Ok(Written { etag: format!("\"{:016x}\"", digest.finish()), body: Bytes::from(body) })
}

fn serve(request: &HttpRequest, written: Result<Written, Refusal>, age: &'static str, issuer: &str) -> HttpResponse {
    let written = match written {
        Ok(written) => written,
        Err(refusal) => return refusal.response(issuer),
    };
    let known = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let unchanged = known.flat_map(|list| list.split(',')).any(|tag| matches(tag.trim(), &written.etag));
    let mut response = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, written.etag)).insert_header((CACHE_CONTROL, age)).insert_header((VARY, "Host"));
    match unchanged {
        true => response.finish(),
        false => response.content_type("application/json").body(written.body),
    }
}

fn matches(tag: &str, etag: &str) -> bool {
    tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
}

impl Documents {
    fn get(&self, kind: Kind, issuer: &str, now: Timestamp) -> Option<Written> {
        let documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        documents.get(&(kind, issuer.to_owned())).filter(|kept| now < kept.until).map(|kept| kept.written.clone())
    }

    fn keep(&self, kind: Kind, issuer: &str, written: Written, now: Timestamp) -> Written {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if documents.len() >= MAX_KEPT {
            documents.clear();
        }
        let until = now.plus_seconds(KEEP_SECONDS);
        documents.insert((kind, issuer.to_owned()), Kept { written: written.clone(), until });
        written
    }
}
