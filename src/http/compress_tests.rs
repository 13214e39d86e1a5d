//! Who is answered in gzip, and that it arrives.

use std::convert::Infallible;
use std::io::Read as _;

use axum::response::IntoResponse as _;
use flate2::read::MultiGzDecoder;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::*;

fn json(bytes: usize) -> Response {
    ([(CONTENT_TYPE, "application/json")], "x".repeat(bytes)).into_response()
}

fn decoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn an_answer_comes_out_as_it_went_in_whatever_its_size() {
    for bytes in [1024, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 1_000_000] {
        let response = answer(json(bytes));
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[VARY], "Accept-Encoding");
        assert!(response.headers().get(CONTENT_LENGTH).is_none());
        let coded = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(coded.len() < bytes / 10, "{bytes}");
        assert_eq!(decoded(&coded), "x".repeat(bytes));
    }
}

#[test]
fn small_refused_and_coded_answers_and_events_stay_as_they_are() {
    let kind = |kind: &'static str| ([(CONTENT_TYPE, kind)], "x".repeat(5000)).into_response();
    let with = |name, value: &'static str| {
        let mut response = json(5000);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
        response
    };
    let refused = |status: StatusCode| (status, json(5000)).into_response();
    for response in [
        json(1023),
        refused(StatusCode::BAD_REQUEST),
        refused(StatusCode::TOO_MANY_REQUESTS),
        refused(StatusCode::SERVICE_UNAVAILABLE),
        refused(StatusCode::PARTIAL_CONTENT),
        kind("text/event-stream"),
        kind("Text/Event-Stream; charset=utf-8"),
        kind("font/ttf"),
        kind("application/octet-stream"),
        with(CONTENT_ENCODING, "br"),
        with(CONTENT_RANGE, "bytes 0-1/2"),
        with(CACHE_CONTROL, "no-cache, no-transform"),
        StatusCode::SWITCHING_PROTOCOLS.into_response(),
        StatusCode::NOT_MODIFIED.into_response(),
    ] {
        let before = response.headers().clone();
        assert_eq!(*answer(response).headers(), before);
    }
    for text in [
        "text/csv; charset=utf-8; header=present",
        "application/jsonl",
        "application/graphql-response+json",
        "application/graphql; charset=utf-8",
    ] {
        assert_eq!(answer(kind(text)).headers()[CONTENT_ENCODING], "gzip", "{text}");
    }
}

#[test]
fn a_tag_names_the_coded_and_the_plain_answer_weakly() {
    let mut response = json(5000);
    response.headers_mut().insert(ETAG, HeaderValue::from_static("\"a\""));
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    assert_eq!(answer(response).headers()[ETAG], "W/\"a\"");
}

#[tokio::test]
async fn a_piece_of_a_stream_can_be_read_before_the_next_one_is_there() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let pieces =
        stream::unfold(receiver, async |mut receiver| Some((Ok::<_, Infallible>(receiver.recv().await?), receiver)));
    let streamed = ([(CONTENT_TYPE, "text/csv")], Body::from_stream(pieces)).into_response();
    let mut body = answer(streamed).into_body().into_data_stream();
    let mut read = Vec::new();
    for (piece, so_far) in [("a,b\r\n", "a,b\r\n"), ("1,2\r\n", "a,b\r\n1,2\r\n")] {
        sender.send(piece).unwrap();
        while let Some(Some(coded)) = body.next().now_or_never() {
            read.extend_from_slice(&coded.unwrap());
        }
        let mut text = vec![0; so_far.len()];
        MultiGzDecoder::new(read.as_slice()).read_exact(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), so_far);
    }
    drop(sender);
    while let Some(coded) = body.next().await {
        read.extend_from_slice(&coded.unwrap());
    }
    assert_eq!(decoded(&read), "a,b\r\n1,2\r\n");
}

#[tokio::test]
async fn a_stream_that_breaks_off_breaks_off_in_gzip_too() {
    let pieces = stream::iter([Ok("a,b\r\n"), Err(std::io::Error::other("away"))]);
    let streamed = ([(CONTENT_TYPE, "text/csv")], Body::from_stream(pieces)).into_response();
    assert!(to_bytes(answer(streamed).into_body(), usize::MAX).await.is_err());
}
