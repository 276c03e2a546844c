use super::tally::dot;
use super::*;
use crate::embed::ModelId;
use crate::evaluate::Resampler;

fn face(identity: usize, values: Vec<f32>) -> LabelledFace {
    let embedding = Embedding::from_values(ModelId::new("m"), values).unwrap();
    LabelledFace {
        identity,
        embedding,
    }
}

/// A number in [−1, 1].
fn uniform(resampler: &mut Resampler) -> f32 {
    resampler.below(2001) as f32 / 1000.0 - 1.0
}

/// One face each of `people` in arbitrary directions.
fn crowd(people: usize) -> Vec<LabelledFace> {
    let mut resampler = Resampler(7);
    (0..people)
        .map(|identity| {
            let values = (0..16).map(|_| uniform(&mut resampler));
            face(identity, values.collect())
        })
        .collect()
}

/// Every two faces of different people, by index, and their cosine.
fn impostors(faces: &[LabelledFace]) -> impl Iterator<Item = (usize, usize, f32)> {
    let pairs = (0..faces.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    pairs
        .filter(|&(i, j)| faces[i].identity != faces[j].identity)
        .map(|(i, j)| {
            let cosine = dot(faces[i].embedding.values(), faces[j].embedding.values());
            (i, j, cosine)
        })
}

#[test]
fn thresholds_keep_to_their_rates() {
    let faces = crowd(200);
    let calibration = calibrate(&faces, "a crowd", 3).unwrap();
    assert_eq!(calibration.comparisons, 200 * 199 / 2);
    assert_eq!(
        calibration.points.len(),
        4,
        "19,900 pairs carry rates to 1e-4"
    );
    for point in &calibration.points {
        let accepted = impostors(&faces)
            .filter(|(_, _, cosine)| *cosine >= point.similarity)
            .count();
        assert_eq!(point.false_matches, Some(accepted as u64));
        let rate = accepted as f64 / calibration.comparisons as f64;
        assert!(
            rate <= point.fmr && rate > point.fmr / 2.0,
            "{rate} at {point:?}"
        );
        let [low, high] = point.fmr_interval.unwrap();
        assert!(low < rate && rate < high, "{point:?}");
    }
}

#[test]
fn pairs_of_one_person_do_not_count() {
    let mut faces = crowd(50);
    let one_thread = calibrate(&faces, "a crowd", 1).unwrap();
    faces.extend(crowd(1));
    let more = calibrate(&faces, "a crowd", 2).unwrap();
    assert_eq!(more.comparisons, one_thread.comparisons + 49);
}

#[test]
fn threads_and_order_change_nothing() {
    let mut faces = crowd(90);
    for (i, face) in faces.iter_mut().enumerate() {
        face.identity = i / 3 * 10;
    }
    let options = |threads| CalibrateOptions {
        threads,
        ..CalibrateOptions::default()
    };
    let one = measure(&faces, &options(1)).unwrap();
    assert_eq!(one.people, 30);
    assert_eq!(measure(&faces, &options(3)).unwrap(), one);
    faces.reverse();
    let reversed = measure(&faces, &options(2)).unwrap();
    assert_eq!(reversed.calibration, one.calibration);
}

#[test]
fn the_most_similar_pairs_are_listed_once_for_each_two_people() {
    let mut faces = crowd(60);
    // The man with two names: two pictures under each.
    let twin = faces[20].embedding.values().to_vec();
    faces.push(face(41, twin.clone()));
    faces.push(face(20, twin));
    let options = CalibrateOptions {
        worst: 5,
        ..CalibrateOptions::default()
    };
    let worst = measure(&faces, &options).unwrap().worst;
    assert_eq!(worst.len(), 5);
    let people = |pair: &ImpostorPair| {
        let mut two = [faces[pair.face].identity, faces[pair.other].identity];
        two.sort_unstable();
        two
    };
    assert_eq!(people(&worst[0]), [20, 41]);
    assert!(worst[0].similarity > 0.999);
    assert!(worst[1..].iter().all(|pair| people(pair) != [20, 41]));
    let mut best = BTreeMap::new();
    for (face, other, similarity) in impostors(&faces) {
        let pair = ImpostorPair {
            face,
            other,
            similarity,
        };
        let known = best.entry(people(&pair)).or_insert(similarity);
        *known = known.max(similarity);
    }
    let mut best: Vec<f32> = best.into_values().collect();
    best.sort_by(|a, b| b.total_cmp(a));
    let found: Vec<f32> = worst.iter().map(|pair| pair.similarity).collect();
    assert_eq!(found, best[..5]);
}

#[test]
fn too_little_data_is_an_error() {
    assert!(calibrate(&crowd(3), "three people", 1).is_err());
    assert!(calibrate(&[], "nobody", 1).is_err());
}

/// People of whom some resemble many others: each leans towards a common direction, some far more.
fn people_with_wolves(n: usize, seed: u64) -> Vec<LabelledFace> {
    let mut resampler = Resampler(seed);
    (0..n)
        .map(|identity| {
            let leaning = 1.6 * uniform(&mut resampler).max(0.0).powi(2);
            let mut values: Vec<f32> = (0..24).map(|_| uniform(&mut resampler)).collect();
            values[0] += leaning * 2.0;
            face(identity, values)
        })
        .collect()
}

/// What an interval promises: that it holds the rate of other people in 95 of 100 cases.
#[test]
fn intervals_hold_on_other_people() {
    const RUNS: u64 = 300;
    let (mut held, mut held_if_independent) = (0, 0);
    for run in 0..RUNS {
        let faces = people_with_wolves(180, 2 * run + 1);
        let others = people_with_wolves(120, 2 * run + 2);
        let options = CalibrateOptions {
            worst: 0,
            others: Some(120),
            ..CalibrateOptions::default()
        };
        let table = measure(&faces, &options).unwrap().calibration;
        let point = table.points[1];
        assert_eq!(point.fmr, 1e-2);
        let n = 120.0 * 119.0 / 2.0;
        let accepted = impostors(&others).filter(|(_, _, cosine)| *cosine >= point.similarity);
        let met = accepted.count() as f64 / n;
        let [low, high] = point.fmr_interval.unwrap();
        held += u64::from((low..=high).contains(&met));
        // If comparisons were independent, the interval would be this.
        let half = 1.96 * (1e-2 / table.comparisons as f64 + 1e-2 / n).sqrt();
        held_if_independent += u64::from((met - 1e-2).abs() <= half);
    }
    let share = |held: u64| held as f64 / RUNS as f64;
    println!("{} and {}", share(held), share(held_if_independent));
    // Three standard errors of 95 % in 300 runs.
    assert!((0.912..=0.988).contains(&share(held)), "{}", share(held));
    assert!(share(held_if_independent) < 0.85, "too easy a test");
}

#[test]
fn every_part_is_held_out_once() {
    let faces = people_with_wolves(150, 5);
    let options = CalibrateOptions {
        worst: 0,
        ..CalibrateOptions::default()
    };
    let parts = check_on_others(&faces, |identity| identity % 3, &options).unwrap();
    assert_eq!(parts.len(), 3);
    for (i, part) in parts.iter().enumerate() {
        assert_eq!((part.part, part.people, part.comparisons), (i, 50, 1225));
        let calibration = part.calibration.as_ref().unwrap();
        assert_eq!(calibration.comparisons, 100 * 99 / 2);
        let own: Vec<_> = faces
            .iter()
            .filter(|f| f.identity % 3 == i)
            .cloned()
            .collect();
        for (j, point) in calibration.points.iter().enumerate() {
            let met = impostors(&own).filter(|(_, _, cosine)| *cosine >= point.similarity);
            assert_eq!(part.met[j], met.count() as u64);
        }
        assert!(part.holds(0), "{part:?}");
    }
    // A part of one person has nobody to be compared with, and leaves the others as they are.
    let alone = check_on_others(
        &faces[..40],
        |identity| usize::from(identity == 0),
        &options,
    );
    assert_eq!(alone.unwrap().len(), 1);
}
