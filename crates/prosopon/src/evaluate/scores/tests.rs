//! Closed forms, hand-checked cases, and whether intervals cover what they should.

use super::super::Resampler;
use super::*;
use crate::plot::probit;

/// Scores of one identity each; for cases in which identities do not matter.
fn scores(genuine: &[f32], impostor: &[f32]) -> Scores {
    let genuine = genuine
        .iter()
        .zip(0..)
        .map(|(&similarity, identity)| Genuine {
            similarity,
            identity,
        });
    let impostor = impostor.iter().zip(0..).map(|(&similarity, i)| Impostor {
        similarity,
        identities: [i, i + 1],
    });
    Scores::new(genuine.collect(), impostor.collect()).unwrap()
}

/// One normal deviate (Box and Muller 1958).
fn normal(random: &mut Resampler) -> f64 {
    let uniform =
        |random: &mut Resampler| (random.below(1 << 52) as f64 + 0.5) / (1u64 << 52) as f64;
    let (u, v) = (uniform(random), uniform(random));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Two normal distributions whose means lie two standard deviations apart, as evenly as `N` scores
/// can lie in them: genuine ones in the middle of a millionth each, impostors at its upper end, so that
/// exactly `f · N` lie above the quantile of a rate `f`. The closed forms: EER Φ(−1), AUC Φ(√2), FNMR
/// Φ(Φ⁻¹(1 − f) − 2) at FMR `f`.
#[test]
fn normal_scores_have_their_closed_forms() {
    const N: usize = 1_000_000;
    let at = |mean: f64, place: f64| -> Vec<f32> {
        let share = |i: usize| ((i as f64 + place) / N as f64).min(1.0 - 0.5 / N as f64);
        (0..N)
            .map(|i| (mean + 0.1 * probit(share(i))) as f32)
            .collect()
    };
    let scores = scores(&at(0.6, 0.5), &at(0.4, 1.0));
    let close = |found: f64, expected: f64, what: &str| {
        assert!(
            (found - expected).abs() < 1e-6,
            "{what}: {found}, expected {expected}"
        );
    };
    close(scores.eer(), 0.158_655_253_931_457, "EER");
    close(scores.auc(), 0.921_350_396_474_857_5, "AUC");
    close(
        scores.fnmr_at_fmr(1e-1),
        0.236_240_415_894_117,
        "FNMR at FMR 1e-1",
    );
    close(
        scores.fnmr_at_fmr(1e-2),
        0.627_919_414_564_506,
        "FNMR at FMR 1e-2",
    );
    close(
        scores.fnmr_at_fmr(1e-3),
        0.862_194_587_101_7,
        "FNMR at FMR 1e-3",
    );
    close(scores.fmr(0.5), 0.158_655_253_931_457, "FMR");
    assert!(
        (scores.d_prime() - 2.0).abs() < 1e-4,
        "{}",
        scores.d_prime()
    );
    assert!((scores.threshold_at_fmr(0.158_655_25) - 0.5).abs() < 1e-5);
}

/// Genuine scores spread evenly over [3/8, 1), impostors over [0, 1/2): exact fractions.
#[test]
fn even_scores_have_their_closed_forms() {
    // On a grid that f32 holds exactly.
    let over = |low: f32, n: usize| -> Vec<f32> {
        (0..n).map(|i| low + (i as f32 + 0.5) / 8192.0).collect()
    };
    let (genuine, impostor) = (over(0.375, 5120), over(0.0, 4096));
    let scores = scores(&genuine, &impostor);
    // At t: FMR = 1 − 2t, FNMR = (t − 3/8) · 8/5; equal at t = 4/9: 1/9.
    assert!((scores.eer() - 1.0 / 9.0).abs() < 1e-4);
    // Pairs in the wrong order: the overlap of 1/8 squared, halved, over 5/8 · 1/2. Ties in the
    // overlap: 1,024 of them, of 5,120 · 4,096 pairs, count half.
    let wrong = (1024.0 * 1023.0 / 2.0 + 1024.0 / 2.0) / (5120.0 * 4096.0);
    assert!((scores.auc() - (1.0 - wrong)).abs() < 1e-12);
    // FMR 1/16 is at t = 15/32, of which FNMR is 0.15.
    assert!((scores.fnmr_at_fmr(1.0 / 16.0) - 0.15).abs() < 1e-12);
    assert_eq!(scores.fnmr_at_fmr(1.0), 0.0);
    assert_eq!(scores.fmr(0.25), 0.5);
}

#[test]
fn a_few_scores_by_hand() {
    let scores = scores(&[0.9, 0.8, 0.5, 0.3], &[0.6, 0.5, 0.2, 0.1, 0.0]);
    // 0.9 and 0.8 lie above all five, 0.5 above three and ties one, 0.3 above three.
    assert!((scores.auc() - (5.0 + 5.0 + 3.5 + 3.0) / 20.0).abs() < 1e-12);
    // From (1/5, 1/2), the point at 0.6, to (2/5, 1/4), that at 0.5, both of which tie there: they
    // are equal at 1/3.
    assert!((scores.eer() - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(
        scores.operating_points(),
        [
            (0.0, 1.0),
            (0.0, 0.75),
            (0.0, 0.5),
            (0.2, 0.5),
            (0.4, 0.25),
            (0.4, 0.0),
            (1.0, 0.0)
        ]
    );
    // No impostor may pass: the threshold lies just above 0.6.
    assert_eq!(scores.fnmr_at_fmr(0.1), 0.5);
    assert!(scores.threshold_at_fmr(0.1) > 0.6 && scores.threshold_at_fmr(0.1) < 0.6001);
    assert_eq!(scores.fnmr_at_fmr(0.2), 0.5);
    assert_eq!(scores.fnmr_at_fmr(0.4), 0.0);
    assert_eq!((scores.fmr(0.5), scores.fnmr(0.5)), (0.4, 0.25));
}

#[test]
fn faces_that_were_not_found_are_rejected_at_every_threshold() {
    let scores = scores(
        &[0.9, 0.8, 0.7, UNDETECTED],
        &[0.1, 0.0, UNDETECTED, UNDETECTED],
    );
    assert_eq!(scores.fnmr(-1.0), 0.25);
    assert_eq!(scores.fmr(-1.0), 0.5);
    assert_eq!(scores.threshold_at_fmr(0.5), -1.0);
    assert_eq!(scores.fnmr_at_fmr(0.5), 0.25);
    // FNMR stays at 1/4 while FMR grows from 0 to 1/2.
    assert_eq!(scores.eer(), 0.25);
    assert!(scores.d_prime().is_finite());
}

#[test]
fn perfect_and_useless_systems() {
    let perfect = scores(&[0.9, 0.8], &[0.2, 0.1]);
    assert_eq!(
        (perfect.eer(), perfect.auc(), perfect.fnmr_at_fmr(1e-6)),
        (0.0, 1.0, 0.0)
    );
    let inverted = scores(&[0.1, 0.2], &[0.8, 0.9]);
    assert_eq!(
        (inverted.eer(), inverted.auc(), inverted.fnmr_at_fmr(0.1)),
        (1.0, 0.0, 1.0)
    );
    let equal = scores(&[0.5, 0.5], &[0.5, 0.5]);
    assert_eq!((equal.eer(), equal.auc()), (0.5, 0.5));
}

#[test]
fn scores_from_which_nothing_follows_are_refused() {
    let genuine = vec![Genuine {
        similarity: 0.5,
        identity: 0,
    }];
    let impostor = |similarity| {
        vec![Impostor {
            similarity,
            identities: [0, 1],
        }]
    };
    assert_eq!(
        Scores::new(genuine.clone(), Vec::new()),
        Err(ScoresError::Missing {
            genuine: 1,
            impostor: 0
        })
    );
    assert_eq!(
        Scores::new(genuine, impostor(f32::NAN)),
        Err(ScoresError::NotANumber)
    );
}

/// The rates of a weighted tally are those of the same scores written down several times.
#[test]
fn weights_count_as_repetitions() {
    let mut random = Resampler(3);
    let value = |random: &mut Resampler| (random.below(40) as f32) / 40.0;
    let genuine: Vec<Genuine> = (0..60)
        .map(|i| Genuine {
            similarity: value(&mut random).midpoint(1.0),
            identity: i % 7,
        })
        .collect();
    let impostor: Vec<Impostor> = (0..200)
        .map(|i| Impostor {
            similarity: value(&mut random) * 0.8,
            identities: if i % 9 == 0 {
                [i % 7, FIXED]
            } else {
                [i % 7, (i + 1 + i % 5) % 7]
            },
        })
        .collect();
    let weights = [2, 0, 1, 3, 0, 1, 0];
    let weight = |identity: u32| *weights.get(identity as usize).unwrap_or(&1) as usize;
    let repeated = Scores::new(
        genuine
            .iter()
            .flat_map(|g| vec![*g; weight(g.identity)])
            .collect(),
        impostor
            .iter()
            .flat_map(|i| vec![*i; weight(i.identities[0]) * weight(i.identities[1])])
            .collect(),
    )
    .unwrap();
    let scores = Scores::new(genuine, impostor).unwrap();
    let layout = scores.layout(&[0.3]);
    let tally = scores.weighted_tally(&layout, &weights);
    assert!((tally.eer() - repeated.eer()).abs() < 1e-12);
    assert!((tally.auc() - repeated.auc()).abs() < 1e-12);
    for fmr in [0.01, 0.1, 0.3, 0.9] {
        assert!(
            (tally.fnmr_at_fmr(fmr) - repeated.fnmr_at_fmr(fmr)).abs() < 1e-12,
            "{fmr}"
        );
    }
    assert!((tally.fmr(layout.cut(0.3)) - repeated.fmr(0.3)).abs() < 1e-12);
    assert!((tally.fnmr(layout.cut(0.3)) - repeated.fnmr(0.3)).abs() < 1e-12);
}

/// A hundred sets of 60 people with five pictures each. How recognisable somebody is (0.07 for
/// genuine, 0.05 for impostor comparisons) is the same in all of their comparisons, so that these
/// depend on each other; over people and pictures similarities are normal, with known rates.
///
/// Each interval covers the truth at least 88 times; one that draws comparisons instead of people covers
/// the last at most 80 times.
#[test]
fn intervals_cover_the_truth() {
    const PEOPLE: u32 = 60;
    let mut random = Resampler(11);
    let (mut covered, mut covered_alone) = ([0; 4], 0);
    for _ in 0..100 {
        let traits: Vec<[f64; 2]> = (0..PEOPLE)
            .map(|_| [0.07 * normal(&mut random), 0.05 * normal(&mut random)])
            .collect();
        let (mut genuine, mut impostor) = (Vec::new(), Vec::new());
        for identity in 0..PEOPLE {
            let own = traits[identity as usize];
            for _ in 0..10 {
                let similarity = (0.42 + own[0] + 0.07 * normal(&mut random)) as f32;
                genuine.push(Genuine {
                    similarity,
                    identity,
                });
            }
            for other in 0..identity {
                let both = own[1] + traits[other as usize][1];
                let similarity = (0.1 + both + 0.07 * normal(&mut random)) as f32;
                impostor.push(Impostor {
                    similarity,
                    identities: [identity, other],
                });
            }
        }
        // The same genuine comparisons as if each were of a person of their own.
        let alone = (0..)
            .zip(&genuine)
            .map(|(identity, g)| Genuine { identity, ..*g });
        let alone = Scores::new(alone.collect(), impostor[..1].to_vec()).unwrap();
        let [low, high] = alone.rates(&[], &[0.3]).fnmr_at_threshold[0].interval;
        covered_alone += i32::from((low..=high).contains(&TRUTHS[3]));
        let rates = Scores::new(genuine, impostor)
            .unwrap()
            .rates(&[5e-2], &[0.25, 0.3]);
        // Standard deviations: genuine √(0.07² + 0.07²) = 0.098995, impostor √(2 · 0.05² + 0.07²)
        // = 0.099499. The means lie 0.32 apart, 1.6121 of their sum: EER = Φ(−1.6121).
        let truths = [
            (rates.eer, TRUTHS[0]),
            (rates.fnmr_at_fmr[0], TRUTHS[1]),
            (rates.fmr_at_threshold[0], TRUTHS[2]),
            (rates.fnmr_at_threshold[1], TRUTHS[3]),
        ];
        for (count, (estimate, truth)) in covered.iter_mut().zip(truths) {
            let [low, high] = estimate.interval;
            *count += usize::from((low..=high).contains(&truth));
        }
    }
    assert!(covered.iter().all(|c| *c >= 88), "{covered:?}");
    assert!(covered_alone <= 80, "{covered_alone}");
}

/// EER, FNMR at FMR 5e-2, FMR at 0.25 and FNMR at 0.3 of the people above.
const TRUTHS: [f64; 4] = [0.053_465_532, 0.057_137_792, 0.065_834_008, 0.112_721_158];
