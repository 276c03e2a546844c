//! What a request carries: pictures and fields, in any of the forms that are taken.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use prosopon::image::Format;
use serde_json::{Map, Value};

use crate::error::{ApiError, ApiResult};
use crate::fetch;
use crate::state::App;

/// Parts or fields in one form, at most; a folder of photographs sent at once stays far below.
const MAX_PARTS: usize = 1000;

/// Pictures in one request that are fetched from addresses, at most: a small request must not make
/// the server send many.
const MAX_ADDRESSES: usize = 20;

/// Values in one JSON document, at most. Each takes some thirty bytes in memory and may be two in the
/// text.
const MAX_JSON_VALUES: usize = 50_000;

/// An encoded picture as it was sent.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) bytes: Bytes,
    /// The name that the client gave; empty if it gave none.
    pub(crate) file_name: String,
}

impl Upload {
    /// The picture itself: a form's field may hold it as a data URL.
    fn decoded(&self, name: &str) -> ApiResult<Self> {
        if !self.bytes.starts_with(b"data:") {
            return Ok(self.clone());
        }
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        Ok(Self {
            bytes: decode(name, &Value::String(text))?,
            file_name: self.file_name.clone(),
        })
    }
}

/// The body of a request.
pub(crate) enum Form {
    /// `multipart/form-data`: parts in order, fields are parts without a file name.
    Parts(Vec<(String, Upload)>),
    /// A JSON object, or the fields of a form without files: pictures are base64 texts.
    Json(Map<String, Value>),
    /// The picture itself.
    Raw(Bytes),
    /// Nothing.
    Empty,
}

impl FromRequest<App> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| value.to_str().unwrap_or("").to_lowercase());
        let kind = content_type.as_deref().unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        match kind {
            "multipart/form-data" => parts(request, app).await,
            "application/x-www-form-urlencoded" => fields(request, app).await,
            "application/json" => {
                let bytes = Bytes::from_request(request, app).await;
                let bytes = bytes.map_err(|error| ApiError::new("invalid_request", error))?;
                check_values(&bytes)?;
                match serde_json::from_slice(&bytes) {
                    Ok(Value::Object(object)) => Self::json(object),
                    Ok(_) => Err(ApiError::new(
                        "invalid_request",
                        "expected a JSON object, found another JSON value",
                    )),
                    Err(error) => Err(ApiError::new(
                        "invalid_request",
                        format!("expected JSON, found {error}"),
                    )),
                }
            }
            "" | "application/octet-stream" => raw(request, app).await,
            kind if kind.starts_with("image/") => raw(request, app).await,
            other => Err(unsupported(other)),
        }
    }
}

fn unsupported(found: &str) -> ApiError {
    ApiError::new("unsupported_content_type", format!("expected pictures, found content of type `{found}`"))
        .with_hint("send multipart/form-data, image/*, application/octet-stream or application/json with base64")
}

/// Refuses documents that would take a multiple of their size in memory, before they are read.
fn check_values(json: &[u8]) -> ApiResult<()> {
    let (mut values, mut in_text, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    if values > MAX_JSON_VALUES {
        let message = format!("expected at most {MAX_JSON_VALUES} JSON values, found {values}");
        return Err(ApiError::new("invalid_request", message));
    }
    Ok(())
}

async fn raw(request: Request, app: &App) -> ApiResult<Form> {
    let bytes = Bytes::from_request(request, app).await;
    let bytes = bytes.map_err(|error| ApiError::new("invalid_request", error))?;
    Ok(if bytes.is_empty() {
        Form::Empty
    } else {
        Form::Raw(bytes)
    })
}

/// Refuses more fields than a form may have, before they are read: each takes many times its two bytes in memory.
fn check_fields(form: &[u8]) -> ApiResult<()> {
    let n_fields = form.split(|byte| *byte == b'&').count();
    if n_fields > MAX_PARTS {
        let message = format!("expected at most {MAX_PARTS} fields, found {n_fields}");
        return Err(ApiError::new("invalid_request", message));
    }
    Ok(())
}

/// Refuses more addresses of pictures than a request may have, before the first is fetched.
fn check_addresses(object: &Map<String, Value>) -> ApiResult<()> {
    let named = object
        .iter()
        .filter(|(name, value)| (*name == "url" || name.ends_with("_url")) && value.is_string());
    let list = object.get("images").and_then(Value::as_array);
    let listed = list
        .into_iter()
        .flatten()
        .filter(|item| item.get("url").is_some_and(Value::is_string));
    let found = named.count() + listed.count();
    if found > MAX_ADDRESSES {
        let message =
            format!("expected at most {MAX_ADDRESSES} addresses of pictures, found {found}");
        return Err(ApiError::new("invalid_request", message));
    }
    Ok(())
}

async fn fields(request: Request, app: &App) -> ApiResult<Form> {
    let (head, body) = request.into_parts();
    let bytes = Bytes::from_request(Request::from_parts(head.clone(), body), app).await;
    let bytes = bytes.map_err(|error| ApiError::new("invalid_request", error))?;
    // What `curl --data-binary @photo.jpg` says of a picture. Forms are plain letters, pictures never are.
    if !bytes.is_ascii() && Format::of(&bytes).is_ok() {
        return Ok(Form::Raw(bytes));
    }
    check_fields(&bytes)?;
    let request = Request::from_parts(head, Body::from(bytes));
    let fields = axum::Form::<Vec<(String, String)>>::from_request(request, app).await;
    let axum::Form(fields) = fields.map_err(|error| {
        let message = format!("expected the fields of a form, found {}", error.body_text());
        ApiError::new("invalid_request", message)
    })?;
    if fields.is_empty() {
        return Ok(Form::Empty);
    }
    let member = |(name, value)| (name, Value::String(value));
    Form::json(fields.into_iter().map(member).collect())
}

async fn parts(request: Request, app: &App) -> ApiResult<Form> {
    let invalid = |error: &dyn std::fmt::Display| {
        ApiError::new(
            "invalid_request",
            format!("expected multipart/form-data, found {error}"),
        )
    };
    let mut multipart = Multipart::from_request(request, app)
        .await
        .map_err(|error| invalid(&error.body_text()))?;
    let mut parts = Vec::new();
    while let Some(field) = multipart
        .next_field()
        .await
        .map_err(|error| invalid(&error.body_text()))?
    {
        if parts.len() == MAX_PARTS {
            return Err(ApiError::new(
                "invalid_request",
                format!("expected at most {MAX_PARTS} parts, found more"),
            ));
        }
        let name = field.name().unwrap_or("").to_owned();
        let file_name = field.file_name().unwrap_or("").to_owned();
        let bytes = field
            .bytes()
            .await
            .map_err(|error| invalid(&error.body_text()))?;
        parts.push((name, Upload { bytes, file_name }));
    }
    Ok(Form::Parts(parts))
}

impl Form {
    fn json(object: Map<String, Value>) -> ApiResult<Self> {
        check_addresses(&object)?;
        Ok(Self::Json(object))
    }

    /// The picture called `name`: a part or JSON member of that name, or the whole body where
    /// `name` is `image`. In JSON, `url` in place of `image` and `NAME_url` in place of `NAME` is an
    /// address to fetch, where that is enabled.
    ///
    /// # Errors
    /// `missing_picture`, `invalid_base64`, and those of fetching.
    pub(crate) async fn picture(&self, app: &App, name: &str) -> ApiResult<Upload> {
        let mut pictures = self.pictures(app, name).await?;
        match pictures.len() {
            1 => Ok(pictures.remove(0)),
            0 => Err(self.missing(name)),
            n => Err(ApiError::new(
                "invalid_request",
                format!("expected one picture `{name}`, found {n}"),
            )),
        }
    }

    /// All pictures called `image`, at least one.
    ///
    /// # Errors
    /// As [`Form::picture`].
    pub(crate) async fn some_pictures(&self, app: &App) -> ApiResult<Vec<Upload>> {
        let pictures = self.pictures(app, "image").await?;
        if pictures.is_empty() {
            return Err(self.missing("image"));
        }
        Ok(pictures)
    }

    /// All pictures called `name`, in order; in JSON also the list `images` where `name` is `image`.
    ///
    /// # Errors
    /// As [`Form::picture`], but none is no error.
    pub(crate) async fn pictures(&self, app: &App, name: &str) -> ApiResult<Vec<Upload>> {
        match self {
            Self::Raw(bytes) if name == "image" => Ok(vec![Upload {
                bytes: bytes.clone(),
                file_name: String::new(),
            }]),
            Self::Raw(_) | Self::Empty => Ok(Vec::new()),
            Self::Parts(parts) => {
                let named = parts.iter().filter(|(known, _)| known == name);
                named.map(|(_, upload)| upload.decoded(name)).collect()
            }
            Self::Json(object) => {
                let mut pictures = Vec::new();
                pictures.extend(json_picture(app, object, name).await?);
                if name == "image"
                    && let Some(list) = object.get("images")
                {
                    let list = list.as_array().ok_or_else(|| {
                        ApiError::new(
                            "invalid_request",
                            "expected a list as `images`, found another JSON value",
                        )
                    })?;
                    if list.len() > MAX_PARTS {
                        let found = list.len();
                        let message =
                            format!("expected at most {MAX_PARTS} pictures, found {found}");
                        return Err(ApiError::new("invalid_request", message));
                    }
                    for item in list {
                        let picture = match item {
                            Value::Object(item) => json_picture(app, item, name).await?,
                            item => Some(Upload {
                                bytes: decode(name, item)?,
                                file_name: String::new(),
                            }),
                        };
                        pictures.push(picture.ok_or_else(|| self.missing(name))?);
                    }
                }
                Ok(pictures)
            }
        }
    }

    /// A text field; none in a raw body.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self {
            Self::Parts(parts) => {
                let (_, upload) = parts.iter().find(|(known, _)| known == name)?;
                String::from_utf8(upload.bytes.to_vec()).ok()
            }
            Self::Json(object) => match object.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Null => None,
                other => Some(other.to_string()),
            },
            Self::Raw(_) | Self::Empty => None,
        }
    }

    fn missing(&self, name: &str) -> ApiError {
        let found = match self {
            Self::Empty => "an empty body".to_owned(),
            Self::Raw(_) => "one picture without a name".to_owned(),
            Self::Parts(parts) => match &parts[..] {
                [] => "a form without parts".to_owned(),
                parts => format!(
                    "the parts {}",
                    list(parts.iter().map(|(name, _)| name.as_str()))
                ),
            },
            Self::Json(object) if object.is_empty() => "an empty JSON object".to_owned(),
            Self::Json(object) => {
                format!("the members {}", list(object.keys().map(String::as_str)))
            }
        };
        let hint = if name == "image" {
            "send it as part `image` of a form, as the body, or as base64 in JSON".to_owned()
        } else {
            format!("send it as part `{name}` of a form, or as base64 in JSON")
        };
        ApiError::new(
            "missing_picture",
            format!("expected a picture `{name}`, found {found}"),
        )
        .with_hint(hint)
    }
}

/// The first names, quoted.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let short = |name: &str| {
        let name = name.chars().take(40).flat_map(char::escape_debug);
        format!("`{}`", name.collect::<String>())
    };
    names.take(5).map(short).collect::<Vec<_>>().join(", ")
}

async fn json_picture(
    app: &App,
    object: &Map<String, Value>,
    name: &str,
) -> ApiResult<Option<Upload>> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let file_name = text("file_name").unwrap_or("").to_owned();
    if let Some(value) = object.get(name).filter(|value| !value.is_null()) {
        let bytes = decode(name, value)?;
        return Ok(Some(Upload { bytes, file_name }));
    }
    let url = if name == "image" {
        "url".to_owned()
    } else {
        format!("{name}_url")
    };
    match text(&url) {
        Some(url) => {
            let fetched = fetch::picture(app, url).await?;
            Ok(Some(Upload {
                file_name,
                ..fetched
            }))
        }
        None => Ok(None),
    }
}

/// Base64, with or without padding, line ends, and the head of a data URL.
fn decode(name: &str, value: &Value) -> ApiResult<Bytes> {
    let invalid = |found: &str| {
        ApiError::new(
            "invalid_base64",
            format!("expected base64 as `{name}`, found {found}"),
        )
    };
    let text = value
        .as_str()
        .ok_or_else(|| invalid("another JSON value"))?;
    let text = match text.split_once(";base64,") {
        Some((head, rest)) if head.starts_with("data:") => rest,
        _ => text,
    };
    let cleaned: String;
    let text = if text.contains(|c: char| c.is_ascii_whitespace()) {
        cleaned = text.split_ascii_whitespace().collect();
        &cleaned
    } else {
        text
    };
    let decoded = STANDARD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text))
        .or_else(|_| URL_SAFE.decode(text));
    decoded
        .map(Bytes::from)
        .map_err(|error| invalid(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_comes_in_many_shapes() {
        for text in ["aGk+", "aGk-", "data:image/png;base64,aGk+", "aG\r\nk+"] {
            assert_eq!(
                &decode("image", &text.into()).unwrap()[..],
                b"hi>",
                "{text}"
            );
        }
        assert_eq!(&decode("image", &"aGk".into()).unwrap()[..], b"hi");
        let error = decode("image", &"a*".into()).unwrap_err();
        assert!(
            error
                .message
                .starts_with("expected base64 as `image`, found"),
            "{}",
            error.message
        );
    }

    #[test]
    fn values_are_counted_before_they_are_made() {
        let list = |n: usize| format!("[{}0]", "0,".repeat(n)).into_bytes();
        assert!(check_values(&list(MAX_JSON_VALUES - 1)).is_ok());
        assert!(check_values(&list(MAX_JSON_VALUES)).is_err());
        assert!(check_values("[".repeat(MAX_JSON_VALUES + 1).as_bytes()).is_err());
        let text = format!(r#"{{"image": "\"{}\\"}}"#, ",[{".repeat(MAX_JSON_VALUES));
        assert!(check_values(text.as_bytes()).is_ok());
    }

    /// What comes of a form that is sent as this content type; the message if it is refused.
    async fn sent(content_type: &str, body: String) -> Result<usize, String> {
        let server = crate::testing::TestServer::new("");
        let request = Request::post("/")
            .header("content-type", content_type)
            .body(Body::from(body));
        match Form::from_request(request.unwrap(), &server.app).await {
            Ok(Form::Json(object)) => Ok(object.len()),
            Ok(_) => panic!("another form"),
            Err(error) => {
                assert_eq!(error.code, "invalid_request");
                Err(error.message)
            }
        }
    }

    #[tokio::test]
    async fn the_fields_of_a_form_are_counted_before_they_are_made() {
        let form = |n: usize| -> Vec<String> { (0..n).map(|i| format!("f{i}=%26{i}")).collect() };
        let urlencoded = "application/x-www-form-urlencoded";
        let most = form(MAX_PARTS).join("&");
        assert_eq!(sent(urlencoded, most).await, Ok(MAX_PARTS));
        let more = "expected at most 1000 fields, found 1001";
        let one_more = form(MAX_PARTS + 1).join("&");
        assert_eq!(sent(urlencoded, one_more).await, Err(more.to_owned()));
        // Fields that would fall together as one member count too.
        let same = vec!["a"; MAX_PARTS + 1].join("&");
        assert_eq!(sent(urlencoded, same).await, Err(more.to_owned()));
    }

    #[tokio::test]
    async fn addresses_are_counted_over_the_whole_request() {
        let form = |n: usize| -> String {
            let fields = (1..n).map(|i| format!("image{i}_url=http://a/{i}&"));
            fields.chain(["url=http://a/".to_owned()]).collect()
        };
        let urlencoded = "application/x-www-form-urlencoded";
        let more = "expected at most 20 addresses of pictures, found 21";
        assert_eq!(sent(urlencoded, form(20)).await, Ok(20));
        assert_eq!(sent(urlencoded, form(21)).await, Err(more.to_owned()));
        let list = |n: usize| {
            let item = serde_json::json!({"url": "http://a/"});
            serde_json::json!({"url": "http://a/", "images": vec![item; n]}).to_string()
        };
        assert_eq!(sent("application/json", list(19)).await, Ok(2));
        assert_eq!(
            sent("application/json", list(20)).await,
            Err(more.to_owned())
        );
    }
}
