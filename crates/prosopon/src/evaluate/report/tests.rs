//! A page of every part, from results that were computed.

use super::*;
use crate::evaluate::detection::{
    DetectionReport, IOU, Judged, precision_recall, truth::LabelledBox,
};
use crate::evaluate::gate::{Gate, Metric};
use crate::evaluate::groups::group_rates;
use crate::evaluate::identification::{self, IdentificationReport, Points, Template};
use crate::evaluate::scores::{Genuine, Impostor, Scores};
use crate::evaluate::verification::{Curves, VerificationReport};
use crate::image::Image;

fn scores() -> Scores {
    let genuine = (0..80).map(|i| Genuine {
        similarity: 0.3 + i as f32 / 160.0,
        identity: i % 8,
    });
    let impostor = (0..400).map(|i| Impostor {
        similarity: i as f32 / 1000.0 - 0.05,
        identities: [i % 8, (i + 1) % 8],
    });
    Scores::new(genuine.collect(), impostor.collect()).unwrap()
}

#[test]
fn a_page_has_gates_facts_tables_curves_and_errors() {
    let scores = scores();
    let report = VerificationReport::new(&scores, &[1e-1, 1e-3], &[0.33]);
    let gate = Gate::parse("eer<0.5", &[Metric::new("eer")]).unwrap();
    let mut page = begin(&Preamble {
        title: "Accuracy",
        lead: "Good & well.",
        facts: &[("model", "m@1".to_owned())],
        gates: &[gate.judge(&[("eer".to_owned(), report.eer)])],
    });
    add_verification(&mut page, &report, &Curves::new(&scores));
    let genuine: Vec<_> = scores
        .genuine()
        .iter()
        .map(|g| (*g, [Some(0); 2]))
        .collect();
    add_groups(
        &mut page,
        &group_rates(&["old".to_owned()], &genuine, &[], 0.33),
        0.33,
    );
    let pair = ErrorPair {
        probe: Some(Image::filled(112, 112, [9; 3])),
        reference: None,
        similarity: 0.5,
        captions: ["Ann".to_owned(), "Bob".to_owned()],
    };
    add_worst(&mut page, "False matches", "Look closely.", &[pair]);
    add_worst(&mut page, "None", "Nothing to see.", &[]);
    let html = page.to_html();
    for expected in [
        "eer&lt;0.5",
        "pass",
        "m@1",
        "fewer than 30 false matches",
        "DET",
        "ROC",
        "threshold 0.330",
        "no comparisons",
        "similarity 0.500",
        "Bob",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    assert!(!html.contains("Nothing to see") && !html.contains("NaN"));
}

#[test]
fn searches_boxes_and_groups_have_their_parts() {
    let mut page = Page::new("All");
    let (mated, non_mated) = identification::search(&[], &[], Template::Mean).unwrap();
    let points = Points {
        ranks: &[1],
        fpirs: &[0.1],
        thresholds: &[0.5],
    };
    let report = IdentificationReport::new(0, &mated, &non_mated, points);
    add_identification(&mut page, &report, None, "Nobody was enrolled.");
    let judged = [Judged {
        truth: Vec::<LabelledBox>::new(),
        found: Vec::new(),
    }];
    let report = DetectionReport::new(&judged, &judged, IOU, 0.5);
    add_detection(&mut page, &report);
    add_precision_recall(&mut page, &precision_recall(&judged, IOU), &report);
    add_clusters(&mut page, &ClusterReport::new(&[0, 0, 1], &[5, 5, 5]));
    let html = page.to_html();
    for expected in [
        "Nobody was enrolled",
        "no probes",
        "no trials",
        "B-cubed",
        "0.5556",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    assert!(!html.contains("NaN"));
}
