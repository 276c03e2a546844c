//! Parameters of the query that several endpoints take.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::errors::{invalid, missing_parameter, unreadable};
use crate::api::extract::Query;
use crate::compat::confidence::ours;
use crate::error::{ApiError, ApiResult};
use crate::recognise::Wanted;

/// Longest name of a subject, in characters.
const MAX_NAME: usize = 50;

/// The parameters as they were sent; an empty one counts as left out.
pub(super) struct Parameters(HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let Query(values) = Query::from_request_parts(parts, state).await?;
        Ok(Self(values))
    }
}

impl Parameters {
    /// A parameter that was given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> ApiResult<Option<i64>> {
        let parse = |text: &str| {
            let number = text.trim().parse();
            number.map_err(|_| unreadable(name, "a whole number", text))
        };
        self.text(name).map(parse).transpose()
    }

    fn fraction(&self, name: &str) -> ApiResult<Option<f32>> {
        let parse = |text: &str| {
            let number = text.trim().parse();
            number.map_err(|_| unreadable(name, "a number", text))
        };
        self.text(name).map(parse).transpose()
    }

    fn switch(&self, name: &str) -> ApiResult<Option<bool>> {
        let parse = |text: &str| match &*text.trim().to_ascii_lowercase() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(unreadable(name, "true or false", text)),
        };
        self.text(name).map(parse).transpose()
    }

    /// The subject's name, which must be given and fit.
    pub(super) fn subject(&self) -> ApiResult<String> {
        let name = self.0.get("subject");
        let name = name.ok_or_else(|| missing_parameter("subject"))?;
        checked_name(name)?;
        Ok(name.clone())
    }

    /// Which faces count.
    pub(super) fn wanted(&self) -> ApiResult<Wanted> {
        let limit = self.number("limit")?.unwrap_or(0);
        let limit = usize::try_from(limit)
            .map_err(|_| invalid("Limit should be equal or greater than 0"))?;
        let min_confidence = self.fraction("det_prob_threshold")?;
        if min_confidence.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
            return Err(invalid("det_prob_threshold should be between 0 and 1"));
        }
        Ok(Wanted {
            min_confidence: min_confidence.map(ours),
            min_face_px: None,
            max_faces: Some(limit),
        })
    }
}

/// Refuses what cannot be a subject's name.
pub(super) fn checked_name(name: &str) -> ApiResult<()> {
    if name.trim().is_empty() {
        Err(invalid("Subject name is empty"))
    } else if name.chars().count() > MAX_NAME {
        Err(invalid("Subject name size must be between 1 and 50"))
    } else {
        Ok(())
    }
}

/// What is said of each face beyond its box; the names of plugins that we do not have are passed
/// over, as CompreFace does with those that it was built without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Plugins {
    /// Five points.
    pub(super) landmarks: bool,
    /// The embedding.
    pub(super) calculator: bool,
}

/// The parameters of all endpoints that look at a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaceQuery {
    pub(super) wanted: Wanted,
    pub(super) plugins: Plugins,
    /// Say how long it took and which models did it.
    pub(super) status: bool,
    /// Rows for each face.
    pub(super) prediction_count: usize,
    /// `false`: the picture is a face already.
    pub(super) detect_faces: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for FaceQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let parameters = Parameters::from_request_parts(parts, state).await?;
        let plugins = parameters.text("face_plugins").unwrap_or("");
        let has = |name| plugins.split(',').any(|plugin| plugin.trim() == name);
        Ok(Self {
            wanted: parameters.wanted()?,
            plugins: Plugins {
                landmarks: has("landmarks"),
                calculator: has("calculator"),
            },
            status: parameters.switch("status")?.unwrap_or(false),
            prediction_count: prediction_count(&parameters)?,
            detect_faces: parameters.switch("detect_faces")?.unwrap_or(true),
        })
    }
}

/// How many subjects are wanted for each face.
pub(super) fn prediction_count(parameters: &Parameters) -> ApiResult<usize> {
    let count = parameters.number("prediction_count")?.unwrap_or(1);
    match usize::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(invalid(
            "prediction_count should be equal or greater than 1",
        )),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn read(query: &str) -> ApiResult<FaceQuery> {
        let request = Request::builder().uri(format!("/?{query}")).body(());
        let (mut parts, ()) = request.unwrap().into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(FaceQuery::from_request_parts(&mut parts, &()))
    }

    #[test]
    fn defaults() {
        for query in ["", "&limit=&det_prob_threshold=&face_plugins=&status="] {
            let query = read(query).unwrap();
            assert_eq!(query.wanted.max_faces, Some(0));
            assert_eq!(query.wanted.min_confidence, None);
            assert_eq!(query.plugins, Plugins::default());
            assert!(!query.status && query.detect_faces && query.prediction_count == 1);
        }
    }

    #[test]
    fn values() {
        let query = "&limit=2&det_prob_threshold=0.8&face_plugins=age,landmarks,%20calculator,mask\
            &status=True&prediction_count=3&detect_faces=false";
        let query = read(query).unwrap();
        assert_eq!(query.wanted.max_faces, Some(2));
        assert_eq!(query.wanted.min_confidence, Some(ours(0.8)));
        assert!(query.plugins.landmarks && query.plugins.calculator);
        assert!(query.status && !query.detect_faces && query.prediction_count == 3);
    }

    #[test]
    fn mistakes() {
        for (query, code) in [
            ("limit=-1", "invalid_parameter"),
            ("limit=x", "unreadable_parameter"),
            ("prediction_count=0", "invalid_parameter"),
            ("prediction_count=-1", "invalid_parameter"),
            ("det_prob_threshold=1.5", "invalid_parameter"),
            ("det_prob_threshold=nan", "invalid_parameter"),
            ("det_prob_threshold=high", "unreadable_parameter"),
            ("status=maybe", "unreadable_parameter"),
        ] {
            assert_eq!(read(query).unwrap_err().code, code, "{query}");
        }
        assert_eq!(
            checked_name(" ").unwrap_err().message,
            "Subject name is empty"
        );
        assert!(checked_name(&"ä".repeat(50)).is_ok());
        assert!(checked_name(&"a".repeat(51)).is_err());
    }
}
