//! `/verification/verify`: is the face of one picture on the other?

use axum::Json;
use axum::extract::State;

use super::looking::{look, picture};
use super::query::FaceQuery;
use super::recognition::compared;
use super::types::{Answer, FaceFields, Match, Verified, Versions};
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::compat::similarity::Scale;
use crate::error::{ApiError, ApiResult};
use crate::input::Form;
use crate::recognise::Wanted;
use crate::state::App;

pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller,
    query: FaceQuery,
    form: Form,
) -> ApiResult<Json<Answer<Verified>>> {
    let query = FaceQuery {
        detect_faces: true,
        ..query
    };
    // A limit on the faces of the target must not hide a second face of the source.
    let of_source = FaceQuery {
        wanted: Wanted {
            max_faces: None,
            ..query.wanted
        },
        ..query
    };
    let (_, gallery) = app.find_gallery(&caller, None).await?;
    let source = picture(&app, &form, "source_image").await?;
    let target = picture(&app, &form, "target_image").await?;
    let actor = Actor::from(&caller);
    app.run(move |state, models| {
        let seen_source = look(&state, models, &source, &of_source, true)?;
        if seen_source.faces.len() > 1 {
            let message = format!("expected 1 face, found {}", seen_source.faces.len());
            return Err(ApiError::new("multiple_faces", message));
        }
        let seen_target = look(&state, models, &target, &query, true)?;
        let scale = Scale::of(models, &gallery)?;
        let reference = &seen_source.embeddings()?[0];
        let mut face_matches = Vec::new();
        for (face, probe) in seen_target.faces.iter().zip(seen_target.embeddings()?) {
            face_matches.push(Match {
                face: FaceFields::new(&seen_target, face, &query),
                similarity: compared(scale, &probe, reference)?,
            });
        }
        face_matches.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let best = face_matches.first().map_or(0.0, |best| best.similarity);
        let outcome = if best >= 0.5 { "same" } else { "different" };
        state
            .audit
            .record(&actor, "verify", About::default(), outcome);
        let source = &seen_source.faces[0];
        Ok(Json(Answer {
            result: vec![Verified {
                source_image_face: FaceFields::new(&seen_source, source, &query),
                face_matches,
                plugins_versions: Versions::asked(&query, models),
            }],
            plugins_versions: None,
        }))
    })
    .await
}
