//! Parameters after the question mark that an endpoint does not have: refused, as unknown members of JSON are.
//!
//! A `treshold` that is passed over in silence decides by another threshold than the caller believes. What an endpoint
//! has is what its description lists. Names that begin with `_` are let through: clients add them so that nothing in
//! between answers from a cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prosopon_gallery::spelling::closest;
use serde_json::Value;

use crate::access::Recognised;
use crate::error::ApiError;

/// Names of the parameters of each operation: its path, its method in lower case.
pub(crate) struct Parameters(BTreeMap<(String, String), Vec<String>>);

impl Parameters {
    /// Those of a description (`OpenAPI`).
    pub(crate) fn of(api: &Value) -> Self {
        let paths = api["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| {
                let all = operation["parameters"].as_array().into_iter().flatten();
                let in_query = all.filter(|parameter| parameter["in"] == "query");
                let names = in_query.filter_map(|parameter| parameter["name"].as_str());
                let key = (path.clone(), method.clone());
                (key, names.map(str::to_owned).collect())
            })
        });
        Self(operations.collect())
    }

    fn of_operation(&self, path: &str, method: &Method) -> Option<&[String]> {
        // `HEAD` is answered as `GET` is.
        let method = match method {
            &Method::HEAD => "get".to_owned(),
            method => method.as_str().to_lowercase(),
        };
        self.0.get(&(path.to_owned(), method)).map(Vec::as_slice)
    }

    fn check(&self, path: &str, method: &Method, uri: &Uri) -> Result<(), ApiError> {
        // What is no list of pairs, the endpoint refuses.
        let (Some(known), Ok(Query(found))) = (
            self.of_operation(path, method),
            Query::<Vec<(String, String)>>::try_from_uri(uri),
        ) else {
            return Ok(());
        };
        let is_unknown = |name: &&String| !name.starts_with('_') && !known.contains(name);
        let Some(unknown) = found.iter().map(|(name, _)| name).find(is_unknown) else {
            return Ok(());
        };
        let shown: String = unknown.chars().take(40).collect();
        let quoted: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let expected = match &quoted[..] {
            [] => "no parameters".to_owned(),
            names => format!("only the parameters {}", names.join(", ")),
        };
        let error = ApiError::new(
            "invalid_parameter",
            format!("expected {expected}, found `{shown}`"),
        );
        Err(match closest(unknown, known.iter().map(String::as_str)) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint("`/docs` lists the parameters of all endpoints"),
        })
    }
}

/// Answers 400 to a request with a parameter that the endpoint does not have.
pub(crate) async fn refuse_unknown(
    State(known): State<Arc<Parameters>>,
    request: Request,
    next: Next,
) -> Response {
    // Who may not ask is told that first.
    let recognised = request.extensions().get::<Recognised>();
    if recognised.is_none_or(|recognised| recognised.0.is_ok())
        && let Some(path) = request.extensions().get::<MatchedPath>()
        && let Err(error) = known.check(path.as_str(), request.method(), request.uri())
    {
        return error.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_described_is_taken() {
        let parameter = |name: &str, place: &str| json!({"name": name, "in": place});
        let parameters = [
            parameter("threshold", "query"),
            parameter("fmr", "query"),
            parameter("gallery", "path"),
        ];
        let known = Parameters::of(&json!({"paths": {
            "/v1/identify/{gallery}": {"post": {"parameters": parameters}, "get": {}},
        }}));
        let uri = |query: &str| format!("/v1/identify/x?{query}").parse::<Uri>().unwrap();
        let path = "/v1/identify/{gallery}";
        let check = |method, query| known.check(path, &method, &uri(query));
        for query in [
            "",
            "fmr=1e-3",
            "threshold=0.3&fmr",
            "_=17",
            "&&",
            "%66mr=a%26b=c",
        ] {
            assert!(check(Method::POST, query).is_ok(), "{query}");
        }
        for query in ["treshold=0.9", "fmr=1e-3&gallery=x", "Fmr=1", "f%6d=1"] {
            assert!(check(Method::POST, query).is_err(), "{query}");
        }
        assert!(check(Method::GET, "fmr=1").is_err());
        assert!(check(Method::HEAD, "fmr=1").is_err());
        // Not described, not ours to judge.
        assert!(known.check("/", &Method::GET, &uri("utm=1")).is_ok());
    }
}
