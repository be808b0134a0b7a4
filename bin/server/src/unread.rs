//! What becomes of a chunked body that nobody reads to its end.
//!
//! Once its reader is gone, actix reads the rest and throws it away, however long it is. It closes the connection
//! instead when somebody still has the body at the end of the response. So the response gets hold of it. What comes
//! with a `Content-Length` needs no such care: actix closes.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    HttpMessage,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::header::TRANSFER_ENCODING,
    web::Bytes,
};
use futures_util::Stream;

/// The chunked body of a request, if it has one.
pub(crate) struct Unread(Option<Shared>);

/// A body in two hands.
#[derive(Clone)]
struct Shared(Rc<RefCell<Payload>>);

/// The body of a response that has hold of the body of its request.
struct Holding {
    body: BoxBody,
    _request: Shared,
}

impl Unread {
    /// Takes hold of the body of a request, which can be read as before.
    pub(crate) fn of(request: &mut ServiceRequest) -> Self {
        if !request.headers().contains_key(TRANSFER_ENCODING) {
            return Self(None);
        }
        let shared = Shared(Rc::new(RefCell::new(request.take_payload())));
        request.set_payload(Payload::Stream { payload: Box::pin(shared.clone()) });
        Self(Some(shared))
    }

    /// Hands it over to the response.
    pub(crate) fn hold<B: MessageBody + 'static>(
        self,
        response: ServiceResponse<EitherBody<B>>,
    ) -> ServiceResponse<EitherBody<B>> {
        match self.0 {
            None => response,
            Some(request) => response
                .map_body(|_, body| EitherBody::right(BoxBody::new(Holding { body: body.boxed(), _request: request }))),
        }
    }
}

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
