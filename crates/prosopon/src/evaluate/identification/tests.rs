//! Searches that can be followed by hand.

use super::*;
use crate::embed::{Embedding, ModelId};
use crate::evaluate::all_pairs::Sample;

/// A face in the plane, at an angle in degrees: the similarity of two is the cosine between them.
fn face(identity: u32, degrees: f32) -> Sample {
    let angle = degrees.to_radians();
    let values = vec![angle.cos(), angle.sin()];
    Sample {
        identity,
        embedding: Some(Embedding::from_values(ModelId::new("m"), values).unwrap()),
    }
}

fn without_face(identity: u32) -> Sample {
    Sample {
        identity,
        embedding: None,
    }
}

fn cosine(degrees: f32) -> f32 {
    degrees.to_radians().cos()
}

const POINTS: Points<'static> = Points {
    ranks: &[1, 2],
    fpirs: &[0.5, 0.1],
    thresholds: &[0.9],
};

#[test]
fn ranks_and_rates_by_hand() {
    let gallery = [face(0, 0.0), face(1, 60.0), face(2, 120.0), without_face(3)];
    let probes = [
        face(0, 10.0),
        // Closer to person 1, so second.
        face(0, 40.0),
        face(1, 70.0),
        // Third: persons 1 and 0 are closer.
        face(2, 20.0),
        // Enrolled without a face, and not found.
        face(3, 100.0),
        without_face(1),
        // Strangers.
        face(9, 61.0),
        face(8, 170.0),
        without_face(7),
    ];
    let (mated, non_mated) = search(&gallery, &probes, Template::Mean).unwrap();
    assert_eq!((mated.len(), non_mated.len()), (6, 3));
    let ranks: Vec<_> = mated.iter().map(|s| s.rank).collect();
    assert_eq!(ranks, [Some(1), Some(2), Some(1), Some(3), None, None]);
    assert!((mated[0].own - cosine(10.0)).abs() < 1e-6);
    let other = mated[1].other.unwrap();
    assert_eq!(other.identity, 1);
    assert!((other.similarity - cosine(20.0)).abs() < 1e-6);

    let report = IdentificationReport::new(4, &mated, &non_mated, POINTS);
    assert_eq!((report.mated, report.non_mated), (6, 3));
    assert_eq!(
        (report.undetected_mated, report.undetected_non_mated),
        (1, 1)
    );
    let identified = |i: usize| report.ranks[i].identified;
    assert_eq!((identified(0).events, identified(0).trials), (2, 6));
    assert_eq!((report.ranks[1].rank, identified(1).events), (2, 3));
    assert_eq!(report.cmc.len(), 4);
    assert!((report.cmc[2] - 4.0 / 6.0).abs() < 1e-12);

    // At 0.9 one stranger is taken for person 1; persons 0 and 1 are found once each.
    let at = report.at_threshold[0];
    assert_eq!((at.fpir.unwrap().events, at.fpir.unwrap().trials), (1, 3));
    assert_eq!(at.fnir.unwrap().events, 4);
    assert_eq!(at.fnmr.unwrap().events, 4);
    // Half of three strangers: one may pass. The next, 50° from anybody, may not.
    let half = report.fnir_at_fpir[0];
    assert!((half.threshold - cosine(50.0)).abs() < 1e-5, "{half:?}");
    assert_eq!((half.fnir.events, half.supported), (4, false));
    // None may pass: both that were found lie 10° off, and the stranger 1°.
    assert_eq!(report.fnir_at_fpir[1].fnir.events, 6);
}

#[test]
fn templates_are_means_or_the_closest_face() {
    let gallery = [face(0, 0.0), face(0, 90.0), face(1, 70.0)];
    let probes = [face(0, 80.0)];
    let (best, _) = search(&gallery, &probes, Template::Best).unwrap();
    assert!((best[0].own - cosine(10.0)).abs() < 1e-6);
    // Equally close: the tie counts against the person.
    assert_eq!(best[0].rank, Some(2));
    let (mean, _) = search(&gallery, &probes, Template::Mean).unwrap();
    assert!((mean[0].own - cosine(35.0)).abs() < 1e-6);
    let probe = probes[0].embedding.as_ref().unwrap();
    assert_eq!(closest_face(&gallery, probe, 0, None), Some(1));
    assert_eq!(closest_face(&gallery, probe, 0, Some(1)), Some(0));
    assert_eq!(closest_face(&gallery, probe, 5, None), None);
}

#[test]
fn each_sample_is_searched_among_the_others() {
    let samples = [
        face(0, 0.0),
        face(0, 20.0),
        face(0, 50.0),
        face(1, 55.0),
        without_face(1),
        face(2, 180.0),
    ];
    let (mated, non_mated) = leave_one_out(&samples, Template::Mean).unwrap();
    // Persons 0 and 1 have others; person 2 has not.
    assert_eq!(
        mated.iter().map(|s| s.probe).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    // The mean of 20° and 50° is 35° off.
    assert!((mated[0].own - cosine(35.0)).abs() < 1e-6);
    assert_eq!(
        mated[2].rank,
        Some(2),
        "5° from person 1, 40° from the mean of its own"
    );
    // The only other picture of person 1 has no face.
    assert_eq!((mated[3].rank, mated[3].detected), (None, true));
    assert!(!mated[4].detected);
    assert_eq!(non_mated.len(), 6);
    assert!(non_mated.iter().all(|s| s.rank.is_none()));
    assert!((non_mated[2].best_other() - cosine(5.0)).abs() < 1e-6);
    let (mated, _) = leave_one_out(&samples, Template::Best).unwrap();
    assert!((mated[0].own - cosine(20.0)).abs() < 1e-6);
}

#[test]
fn a_gallery_of_strangers_has_no_closed_set() {
    let (mated, non_mated) = search(&[face(0, 0.0)], &[face(1, 5.0)], Template::Mean).unwrap();
    let report = IdentificationReport::new(1, &mated, &non_mated, POINTS);
    assert!(report.ranks.is_empty() && report.cmc.is_empty() && report.fnir_at_fpir.is_empty());
    let at = report.at_threshold[0];
    assert_eq!((at.fpir.unwrap().rate, at.fnir), (1.0, None));
}

#[test]
fn models_are_not_mixed() {
    let mut other = face(0, 0.0);
    let values = vec![1.0, 0.0];
    other.embedding = Some(Embedding::from_values(ModelId::new("n"), values).unwrap());
    assert!(
        search(
            &[face(0, 0.0)],
            std::slice::from_ref(&other),
            Template::Mean
        )
        .is_err()
    );
    assert!(leave_one_out(&[face(0, 0.0), other], Template::Mean).is_err());
}
