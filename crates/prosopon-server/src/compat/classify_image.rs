//! `POST /classify_image`: every face as an instance of one of the classes.
//!
//! With the setting `classifier` they are those of that trained classifier, and it answers. Without it, or where a
//! gallery is named, they are the people of a gallery. A classifier gives each class a probability, and knows no
//! strangers; a gallery's are the odds of the
//! similarities of `similarity.rs`, divided by their sum: the right person stands far above the
//! others, and a stranger, to whom nobody is close, is spread over all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use axum::{Json, Router};
use prosopon_gallery::{Candidate, Gallery, IdentifyOptions};
use prosopon_train::registry::parse_reference;
use serde::{Deserialize, Serialize};

use super::compreface;
use super::similarity::Scale;
use crate::access::keys::Scope;
use crate::access::{Caller, require};
use crate::api::extract::Query;
use crate::audit::{About, Actor};
use crate::classifiers::{ClassifiedFace, Classifiers, classify};
use crate::error::ApiResult;
use crate::input::{Form, Upload};
use crate::metrics::Stage;
use crate::recognise::{self, Wanted};
use crate::state::App;

#[derive(Deserialize)]
struct GalleryQuery {
    gallery: Option<String>,
}

/// A face and the classes that it may belong to.
#[derive(Serialize)]
struct Classified {
    /// The likeliest class.
    class: String,
    /// In percent with two decimals, in the order of the classes' numbers.
    class_probability: Vec<f64>,
    /// Number of each class.
    class_dictionary: Arc<BTreeMap<String, usize>>,
}

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/classify_image", post(classify_image))
        .route_layer(from_fn_with_state(Scope::Identify, require))
}

async fn classify_image(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<GalleryQuery>,
    form: Form,
) -> ApiResult<Json<Vec<Classified>>> {
    let (name, gallery) = app.find_gallery(&caller, query.gallery.as_deref()).await?;
    let upload = form.picture(&app, "image_data").await?;
    let is_of_gallery = query.gallery.is_some() || caller.gallery.is_some();
    if let Some(named) = app.settings.classifier.clone().filter(|_| !is_of_gallery) {
        return by_classifier(&app, &caller, named, upload).await;
    }
    let actor = Actor::from(&caller);
    app.run(move |state, models| {
        let found = recognise::analyse(&state, models, &upload, Wanted::default())?;
        let probes: Vec<_> = found.faces.iter().map(|f| f.embedding.clone()).collect();
        let classes = Arc::new(classes(&gallery)?);
        let options = IdentifyOptions {
            max_candidates: classes.len(),
            ..IdentifyOptions::default()
        };
        let candidates = state
            .metrics
            .time(Stage::Search, || gallery.identify_batch(&probes, options))?;
        let scale = Scale::of(models, &gallery)?;
        let faces: Vec<Classified> = candidates
            .iter()
            .filter_map(|candidates| classified(candidates, &classes, scale))
            .collect();
        let about = About {
            gallery: Some(&name),
            subject: None,
        };
        let outcome = format!("{} classified", faces.len());
        state.audit.record(&actor, "classify", about, outcome);
        Ok(Json(faces))
    })
    .await
}

/// What the trained classifier says of every face, from left to right.
async fn by_classifier(
    app: &App,
    caller: &Caller,
    named: String,
    upload: Upload,
) -> ApiResult<Json<Vec<Classified>>> {
    let actor = Actor::from(caller);
    app.run(move |state, models| {
        let (name, which) = parse_reference(&named)?;
        let loaded = Classifiers::get(&state, models, name, which.unwrap_or_default())?;
        let found = classify(&state, models, &loaded, &upload)?;
        found.note(&state, &actor, &loaded);
        let names = &loaded.classifier.card.classes;
        let dictionary = Arc::new(names.iter().cloned().zip(0..).collect());
        let face = |face: &ClassifiedFace| Classified {
            class: names[face.prediction.class].clone(),
            class_probability: face
                .prediction
                .probabilities
                .iter()
                .copied()
                .map(percent)
                .collect(),
            class_dictionary: Arc::clone(&dictionary),
        };
        Ok(Json(found.faces.iter().map(face).collect()))
    })
    .await
}

/// A share in percent, with two decimals.
fn percent(share: f64) -> f64 {
    (share * 1e4).round() / 100.0
}

/// The people of a gallery, numbered by name.
fn classes(gallery: &Gallery) -> ApiResult<BTreeMap<String, usize>> {
    let names = compreface::names(gallery)?;
    Ok(names.into_iter().zip(0..).collect())
}

/// None if nobody has a face to compare with.
fn classified(
    candidates: &[Candidate],
    classes: &Arc<BTreeMap<String, usize>>,
    scale: Scale,
) -> Option<Classified> {
    let mut odds = vec![0.0; classes.len()];
    for candidate in candidates {
        if let Some(class) = classes.get(&*candidate.name) {
            odds[*class] = scale.odds(f64::from(candidate.similarity.value()));
        }
    }
    let sum: f64 = odds.iter().sum();
    Some(Classified {
        class: candidates.first()?.name.to_string(),
        class_probability: odds.into_iter().map(|odds| percent(odds / sum)).collect(),
        class_dictionary: Arc::clone(classes),
    })
}

#[cfg(test)]
mod tests {
    use prosopon::Similarity;
    use prosopon_gallery::{FaceId, SubjectId};

    use super::*;
    use crate::testing;

    fn candidate(name: &str, cosine: f32) -> Candidate {
        Candidate {
            subject: SubjectId(1),
            name: name.into(),
            similarity: Similarity::new(cosine),
            face: FaceId(1),
        }
    }

    #[test]
    fn probabilities_are_percent_in_the_order_of_the_classes() {
        let names = ["anna", "ben", "cleo", "without faces"];
        let names = names.into_iter().map(str::to_owned);
        let classes: Arc<BTreeMap<_, _>> = Arc::new(names.zip(0..).collect());
        let calibration = testing::models().calibration.unwrap().calibration;
        let scale = Scale::from_calibration(Some(&calibration));
        let sure = [
            candidate("ben", 0.95),
            candidate("anna", 0.1),
            candidate("cleo", 0.1),
        ];
        let sure = classified(&sure, &classes, scale).unwrap();
        assert_eq!(sure.class, "ben");
        assert!(
            sure.class_probability[1] > 99.0,
            "{:?}",
            sure.class_probability
        );
        assert_eq!(sure.class_probability[3], 0.0);
        let stranger = ["anna", "ben", "cleo"].map(|name| candidate(name, 0.02));
        let stranger = classified(&stranger, &classes, scale).unwrap();
        assert_eq!(stranger.class_probability, [33.33, 33.33, 33.33, 0.0]);
        assert!(classified(&[], &classes, scale).is_none());
    }
}
