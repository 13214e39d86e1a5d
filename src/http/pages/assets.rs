//! The files of `web/dist`, as they lie in the binary: compressed twice, in brotli and in gzip, and never in the plain.
//! However many ask for a file at once, its bytes are in memory once.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use moka::sync::Cache;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::{AppError, ErrorCode};
use crate::wire::encoding::quality;
use crate::wire::etag::{is_known, tag};
use crate::wire::problem::Problem;

/// A debug build reads the folder when asked, so that a new page needs no compiler.
#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Dist;

/// `GET /assets/…`: scripts, styles, fonts. Nearly all have a hash of their content in their name.
pub async fn asset(Path(file): Path<String>, request: HeaderMap) -> Response {
    let caching = if is_hashed(&file) { "public, max-age=31536000, immutable" } else { "no-cache" };
    // All of them lie side by side: a name with a way in it, however it is written, is none of them.
    let known = if file.contains(['/', '\\']) { None } else { Some(format!("assets/{file}")) };
    match known.and_then(|file| file_as_accepted(&file, &request, caching)) {
        // For a script that a page runs as a worker, the policy of the worker.
        Some(found) => {
            let policy = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'";
            ([(CONTENT_SECURITY_POLICY, policy)], found).into_response()
        }
        None => Problem(AppError::new(ErrorCode::NotFound, "There is no such file; reload the page")).into_response(),
    }
}

/// A file in the plain.
pub fn text(file: &str) -> Option<String> {
    String::from_utf8(plain(&Dist::get(&format!("{file}.gz"))?)?.to_vec()).ok()
}

/// The form of a file that the client takes.
fn file_as_accepted(file: &str, request: &HeaderMap, caching: &'static str) -> Option<Response> {
    let form = Form::accepted_by(request);
    let found = Dist::get(&format!("{file}.{}", form.extension()))?;
    let mut tag = tag(&found.metadata.sha256_hash());
    if form == Form::Plain {
        // It is made of the same bytes as the gzip form, and two forms must not have one name.
        tag.insert_str(1, "plain-");
    }
    let headers = [
        (ETAG, tag.clone()),
        (CACHE_CONTROL, caching.to_owned()),
        (VARY, "Accept-Encoding".to_owned()),
        (CONTENT_TYPE, content_type(file).to_owned()),
    ];
    if is_known(request, &tag) {
        return Some((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Some(match form {
        Form::Brotli => (headers, [(CONTENT_ENCODING, "br")], packed(found)).into_response(),
        Form::Gzip => (headers, [(CONTENT_ENCODING, "gzip")], packed(found)).into_response(),
        Form::Plain => (headers, plain(&found)?).into_response(),
    })
}

/// The bytes as they lie in the binary, or in the folder in a debug build.
fn packed(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// The files that somebody asked for in the plain, by the digest of their gzip form: unpacked once, for all.
static PLAIN: LazyLock<Cache<[u8; 32], Bytes>> = LazyLock::new(|| {
    let weigh = |_: &[u8; 32], plain: &Bytes| u32::try_from(plain.len()).unwrap_or(u32::MAX);
    Cache::builder().max_capacity(MOST_PLAIN).weigher(weigh).build()
});

/// Bytes: more than all the files together have.
const MOST_PLAIN: u64 = 32 * 1024 * 1024;

fn plain(file: &EmbeddedFile) -> Option<Bytes> {
    // Those who ask for a file while it is being unpacked wait for it.
    PLAIN.optionally_get_with(file.metadata.sha256_hash(), || {
        let mut plain = Vec::new();
        GzDecoder::new(&*file.data).read_to_end(&mut plain).ok()?;
        plain.shrink_to_fit();
        Some(plain.into())
    })
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Brotli,
    Gzip,
    Plain,
}

impl Form {
    /// The smallest one the client takes. Browsers take brotli over TLS and on their own machine only.
    fn accepted_by(request: &HeaderMap) -> Self {
        let takes = |coding| quality(request, coding).is_some_and(|quality| quality > 0.0);
        if takes("br") {
            Self::Brotli
        } else if takes("gzip") {
            Self::Gzip
        } else {
            Self::Plain
        }
    }

    /// What it is made of.
    const fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip | Self::Plain => "gz",
        }
    }
}

/// Whether a name is `name-HASH.extension`, as the build writes it.
fn is_hashed(file: &str) -> bool {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.len() > 9 && stem.as_bytes().get(stem.len() - 9) == Some(&b'-')
}

fn content_type(file: &str) -> &'static str {
    match file.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "ttf" => "font/ttf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_ENCODING;

    use super::*;

    fn form(accepted: &str) -> Form {
        let mut request = HeaderMap::new();
        request.insert(ACCEPT_ENCODING, accepted.parse().unwrap());
        Form::accepted_by(&request)
    }

    #[test]
    fn a_client_gets_the_smallest_form_it_takes() {
        assert_eq!(form("gzip, deflate, br, zstd"), Form::Brotli);
        assert_eq!(form("gzip, deflate"), Form::Gzip);
        assert_eq!(form("br;q=0, GZIP;q=0.5"), Form::Gzip);
        assert_eq!(form("identity"), Form::Plain);
        assert_eq!(Form::accepted_by(&HeaderMap::new()), Form::Plain);
    }

    #[test]
    fn only_a_name_with_a_hash_is_kept_for_good() {
        assert!(is_hashed("docs-D3go1PwW.js"));
        assert!(is_hashed("monaco-editor-DQCVIxh-.js"));
        assert!(!is_hashed("licences.md"));
    }
}
