//! The description of the API for programs, and a page of it for people.

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, Content, OpenApi, Ref, RefOr, ResponseBuilder, SecurityRequirement,
};
use utoipa::{OpenApi as _, ToSchema};

use crate::error::ErrorBody;

/// A picture in a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PictureForm {
    #[schema(value_type = String, format = Binary)]
    image: Vec<u8>,
}

/// A picture in JSON: one of the two.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PictureJson {
    /// Base64, or a data URL.
    image: Option<String>,
    /// Address of the picture, where that is enabled.
    url: Option<String>,
}

/// Two pictures in a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PairForm {
    #[schema(value_type = String, format = Binary)]
    probe: Vec<u8>,
    #[schema(value_type = String, format = Binary)]
    reference: Vec<u8>,
}

/// Two pictures in JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PairJson {
    /// Base64, or a data URL.
    probe: Option<String>,
    /// Base64, or a data URL.
    reference: Option<String>,
    /// Address of the picture, where that is enabled.
    probe_url: Option<String>,
    /// Address of the picture, where that is enabled.
    reference_url: Option<String>,
}

/// Several pictures in a form: the part `image`, repeated.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PicturesForm {
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<Vec<u8>>,
}

/// Several pictures in JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PicturesJson {
    images: Vec<NamedPicture>,
}

/// A picture and the name of its file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct NamedPicture {
    /// Base64, or a data URL.
    image: Option<String>,
    /// Address of the picture, where that is enabled.
    url: Option<String>,
    file_name: Option<String>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Prosopon", description = "Find faces, compare them, say who they are."),
    components(schemas(ErrorBody)),
    tags(
        (name = "Recognition", description = "Questions about pictures. Scope `identify`."),
        (name = "Classic", description = "Pictures as methods from before networks see them. Scope `identify`."),
        (name = "Classifiers", description = "Trained classifiers. Scope `identify` to look and to ask, `admin` to change; with a key for all galleries."),
        (name = "Galleries", description = "Separate sets of people. Scope `identify` to look, `admin` to change."),
        (name = "Subjects", description = "The people of a gallery. Scope `enrol`."),
        (name = "Faces", description = "Enrolled faces. Scope `enrol`."),
        (name = "Albums", description = "Photographs grouped by person. Scope `enrol`, with a key for all galleries."),
        (name = "Live", description = "The camera of a browser, frame by frame. Scope `identify`."),
        (name = "Cameras", description = "Cameras that the server watches. Scope `cameras` to look and to send frames, `admin` to change; with a key for all galleries."),
        (name = "Events", description = "What cameras saw. Scope `cameras`, with a key for all galleries."),
        (name = "Keys", description = "Keys and audit log. Scope `admin`."),
        (name = "Evaluations", description = "How often the server is wrong on pictures of known people. Scope `admin`."),
        (name = "Server", description = "The server itself."),
    )
)]
struct Head;

/// What the description begins with.
pub(crate) fn head() -> OpenApi {
    Head::openapi()
}

/// Errors that any endpoint may answer with.
const ERRORS: &[(u16, &str)] = &[
    (400, "The request makes no sense."),
    (401, "No key, or a wrong one."),
    (
        403,
        "The key may not do this, or the request comes from elsewhere.",
    ),
    (404, "There is no such thing."),
    (405, "The address takes other methods."),
    (408, "The request did not arrive in time."),
    (409, "It contradicts what is there."),
    (413, "Too large."),
    (415, "This content type is not taken."),
    (422, "The picture, or a value, cannot be used."),
    (
        429,
        "Too many requests; `Retry-After` says when to come back.",
    ),
    (
        500,
        "A fault of the server; its log has the cause under the request id.",
    ),
    (
        503,
        "The queue is full, or the models are being loaded; `Retry-After` says when to come back.",
    ),
    (507, "The server has no space left."),
];

/// Adds what all endpoints have in common: errors and keys.
pub(crate) fn finish(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_with(Components::new);
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("x-api-key")));
    components.add_security_scheme("key", key);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("bearer", bearer);
    let error = RefOr::Ref(Ref::from_schema_name("ErrorBody"));
    for (path, item) in &mut api.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            for (status, description) in ERRORS {
                let response = ResponseBuilder::new()
                    .description(*description)
                    .content("application/json", Content::new(Some(error.clone())))
                    .build();
                let responses = &mut operation.responses.responses;
                responses
                    .entry(status.to_string())
                    .or_insert(RefOr::T(response));
            }
            let public = path.starts_with("/health/") || path == "/v1/session";
            if !public {
                let names = ["key", "bearer"];
                let security =
                    names.map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
                operation.security = Some(security.into_iter().collect());
            }
        }
    }
    api
}

/// The API on one page, made from its description once at start.
pub(crate) fn page(api: &Value) -> String {
    let mut body = String::new();
    let tags = api["tags"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for tag in tags {
        let name = tag["name"].as_str().unwrap_or_default();
        body += &format!(
            "<h2>{}</h2>\n<p>{}</p>\n",
            escape(name),
            code(tag["description"].as_str())
        );
        for (path, item) in api["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if operation["tags"][0] == name {
                    body += &operation_html(path, method, operation, api);
                }
            }
        }
    }
    body += "<h2>Errors</h2>\n<table>\n";
    for (status, description) in ERRORS {
        body += &format!(
            "<tr><th>{status}</th><td>{}</td></tr>\n",
            code(Some(description))
        );
    }
    body += "</table>\n";
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Prosopon API</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs.css\"></head>\n\
         <body><main>\n<h1>Prosopon API</h1>\n<p>For programs: <a href=\"/openapi.json\">openapi.json</a>. \
         <a href=\"/\">Back to the page</a>.</p>\n<p>Keys go into the header <code>x-api-key</code>. Every error is \
         <code>{{\"error\": {{\"code\", \"message\", \"hint\"}}, \"request_id\"}}</code>.</p>\n{body}</main></body></html>\n"
    )
}

fn operation_html(path: &str, method: &str, operation: &Value, api: &Value) -> String {
    let text = |key: &str| operation[key].as_str();
    let mut html = format!(
        "<section><h3><span class=\"method {method}\">{}</span> <code>{}</code></h3>\n<p><b>{}</b></p>\n",
        method.to_uppercase(),
        escape(path),
        code(text("summary")),
    );
    if let Some(description) = text("description") {
        html += &format!("<p>{}</p>\n", code(Some(description)));
    }
    let parameters = operation["parameters"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !parameters.is_empty() {
        html += "<table>\n";
        for parameter in parameters {
            html += &format!(
                "<tr><th><code>{}</code></th><td>{}</td><td>{}</td></tr>\n",
                escape(parameter["name"].as_str().unwrap_or_default()),
                escape(parameter["in"].as_str().unwrap_or_default()),
                code(parameter["description"].as_str()),
            );
        }
        html += "</table>\n";
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let types: Vec<String> = content
            .keys()
            .map(|kind| format!("<code>{}</code>", escape(kind)))
            .collect();
        html += &format!("<p>Takes {}.</p>\n", types.join(", "));
        for body in content.values() {
            html += &schema_html(&body["schema"], api);
        }
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if !status.starts_with('2') {
            continue;
        }
        html += &format!(
            "<p>Answers {status}. {}</p>\n",
            code(response["description"].as_str())
        );
        for body in response["content"]
            .as_object()
            .into_iter()
            .flat_map(|content| content.values())
        {
            html += &schema_html(&body["schema"], api);
        }
    }
    html + "</section>\n"
}

/// The members of a schema that has a name.
fn schema_html(schema: &Value, api: &Value) -> String {
    let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    else {
        return String::new();
    };
    let schema = &api["components"]["schemas"][name];
    let mut rows = String::new();
    // `allOf` is how flattened members are written.
    let parts = schema["allOf"]
        .as_array()
        .map_or_else(|| std::slice::from_ref(schema), Vec::as_slice);
    for part in parts {
        let part = match part["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next())
        {
            Some(name) => &api["components"]["schemas"][name],
            None => part,
        };
        for (member, value) in part["properties"].as_object().into_iter().flatten() {
            rows += &format!(
                "<tr><th><code>{}</code></th><td>{}</td><td>{}</td></tr>\n",
                escape(member),
                escape(&type_name(value)),
                code(value["description"].as_str()),
            );
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<details><summary><code>{}</code></summary><table>\n{rows}</table></details>\n",
        escape(name)
    )
}

fn type_name(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[key].as_array() {
            return choices
                .iter()
                .map(type_name)
                .collect::<Vec<_>>()
                .join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => {
            format!("list of {}", type_name(&schema["items"]))
        }
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        _ => String::new(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Escaped, with what stands between backticks as code.
fn code(text: Option<&str>) -> String {
    let escaped = escape(text.unwrap_or_default());
    let mut html = String::new();
    for (i, part) in escaped.split('`').enumerate() {
        html += &if i % 2 == 1 {
            format!("<code>{part}</code>")
        } else {
            part.to_owned()
        };
    }
    html
}

/// The page's style; a file of its own, since styles in a page are forbidden.
pub(crate) async fn style() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("openapi.css"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_an_error_is_described() {
        for (code, status) in crate::error::CODES {
            let is_described = ERRORS.iter().any(|(known, _)| *known == status.as_u16());
            assert!(is_described, "{code}: {status}");
        }
    }
}
