//! Implements tower's `Service` for endpoints, for any request body.

use super::endpoint::{Endpoint, Source};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Body;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};
use std::convert::Infallible;
use std::task::{Context, Poll};

impl<S, B> tower_service::Service<Request<B>> for Endpoint<S>
where
    S: Source,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let endpoint = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            // One byte above the limit, so that the endpoint refuses the request as too large.
            let limit = Self::max_body_bytes() + 1;
            let bytes = match Limited::new(body, limit).collect().await {
                Ok(collected) => collected.to_bytes(),
                Err(_) => Bytes::from(vec![0; limit]),
            };
            let header = |name: &str| head.headers.get(name)?.to_str().ok().map(str::to_owned);
            let answer = endpoint.answer(head.method.as_str(), header, &bytes).await;
            let mut response = Response::new(Full::from(answer.body));
            *response.status_mut() = answer.status.try_into().unwrap_or_default();
            response
                .headers_mut()
                .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
            Ok(response)
        })
    }
}
