use super::*;
use crate::classic::testing::noise;

/// Faces of three people, four each: a base of their own and some noise.
fn people(sides: (u32, u32)) -> (Vec<String>, Vec<FaceSample>) {
    let names = ["anna", "bert", "carla"].map(str::to_owned).to_vec();
    let face = |label: u32, take: u64| {
        let base = noise(u64::from(label) + 1, sides.0, sides.1);
        let grain = noise(100 * u64::from(label) + take + 50, sides.0, sides.1);
        let pairs = base.pixels().iter().zip(grain.pixels());
        let levels = pairs.map(|(a, b)| a / 2 + b / 4);
        FaceSample {
            picture: base.with_pixels(levels.collect()),
            label,
        }
    };
    let samples = (0..3).flat_map(|label| (0..4).map(move |take| face(label, take)));
    (names, samples.collect())
}

fn trained(method: RecogniserMethod) -> (Recogniser, Vec<FaceSample>) {
    let (names, samples) = people((20, 16));
    let (learnt, unseen): (Vec<_>, Vec<_>) = (0..).zip(samples).partition(|(i, _)| i % 4 < 3);
    let only = |samples: Vec<(u32, FaceSample)>| samples.into_iter().map(|(_, s)| s).collect();
    let learnt: Vec<FaceSample> = only(learnt);
    let recogniser = Recogniser::train(&RecogniserOptions::new(method), names, &learnt).unwrap();
    (recogniser, only(unseen))
}

#[test]
fn unseen_pictures_get_the_right_name() {
    for method in RecogniserMethod::ALL {
        let (recogniser, unseen) = trained(method);
        for sample in unseen {
            let found = recogniser.predict(&sample.picture).unwrap();
            assert_eq!(found.label, sample.label, "{method:?}");
            let candidates = recogniser.candidates(&sample.picture).unwrap();
            assert_eq!(candidates[0], found);
            assert_eq!(candidates.len(), 3);
            assert!(candidates.is_sorted_by(|a, b| a.distance <= b.distance));
        }
    }
}

#[test]
fn learnt_pictures_are_at_distance_zero() {
    for method in RecogniserMethod::ALL {
        let (names, samples) = people((20, 16));
        let options = RecogniserOptions::new(method);
        let recogniser = Recogniser::train(&options, names, &samples).unwrap();
        for sample in samples {
            let found = recogniser.predict(&sample.picture).unwrap();
            assert_eq!(found.label, sample.label);
            assert_eq!(found.distance, 0.0, "{method:?}");
        }
    }
}

#[test]
fn what_is_saved_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    for method in RecogniserMethod::ALL {
        let (recogniser, unseen) = trained(method);
        let path = folder.path().join(method.name());
        recogniser.save(&path).unwrap();
        let loaded = Recogniser::load(&path).unwrap();
        assert_eq!(loaded, recogniser);
        let of = |r: &Recogniser| {
            unseen
                .iter()
                .map(|s| r.predict(&s.picture).unwrap())
                .collect()
        };
        let (before, after): (Vec<_>, Vec<_>) = (of(&recogniser), of(&loaded));
        assert_eq!(before, after);
    }
}

/// Whatever is changed is noticed; with a right digest too, nothing panics or fills the memory.
#[test]
fn damaged_files_are_refused() {
    use sha2::{Digest, Sha256};
    for method in RecogniserMethod::ALL {
        let (recogniser, _) = trained(method);
        let bytes = recogniser.to_bytes();
        assert!(matches!(
            Recogniser::from_bytes(b"PNG"),
            Err(FileError::NotARecogniser)
        ));
        for len in [8, 11, 12, 60, bytes.len() - 1] {
            assert!(Recogniser::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
        let mut newer = bytes.clone();
        newer[8] = 9;
        assert!(matches!(
            Recogniser::from_bytes(&newer),
            Err(FileError::Version { version: 9 })
        ));
        let body = &bytes[..bytes.len() - 32];
        let signed = |mut body: Vec<u8>| {
            let digest = Sha256::digest(&body);
            body.extend(digest);
            Recogniser::from_bytes(&body)
        };
        assert!(signed(body.to_vec()).is_ok());
        for at in 12..body.len().min(400) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            assert!(matches!(
                Recogniser::from_bytes(&changed),
                Err(FileError::Damaged)
            ));
            let mut body = body.to_vec();
            body[at..(at + 4).min(bytes.len() - 32)].fill(0xFF);
            // Some changes make another valid recogniser; none may do worse.
            signed(body).ok();
        }
        assert!(matches!(
            signed([body, &[0]].concat()),
            Err(FileError::Invalid { what: "end" })
        ));
    }
}

#[test]
fn lbph_learns_more_as_if_at_once() {
    let (names, samples) = people((20, 16));
    let options = RecogniserOptions::new(RecogniserMethod::Lbph);
    let whole = Recogniser::train(&options, names.clone(), &samples).unwrap();
    let mut grown = Recogniser::train(&options, names[..2].to_vec(), &samples[..7]).unwrap();
    let error = grown.update(Vec::new(), &samples[7..]).unwrap_err();
    assert!(matches!(
        error,
        RecogniserError::Label { label: 2, names: 2 }
    ));
    grown.update(names[2..].to_vec(), &samples[7..]).unwrap();
    assert_eq!(grown, whole);
    let (mut eigen, unseen) = trained(RecogniserMethod::Eigen);
    let error = eigen.update(Vec::new(), &unseen).unwrap_err();
    assert!(error.to_string().contains("`eigen`"), "{error}");
}

#[test]
fn all_directions_reconstruct_what_was_learnt() {
    for method in [RecogniserMethod::Eigen, RecogniserMethod::Fisher] {
        let (names, samples) = people((20, 16));
        let recogniser =
            Recogniser::train(&RecogniserOptions::new(method), names, &samples).unwrap();
        let space = recogniser.subspace().unwrap();
        let expected = if method == RecogniserMethod::Eigen {
            11
        } else {
            2
        };
        assert_eq!(space.values().len(), expected);
        assert!(space.values().is_sorted_by(|a, b| a >= b));
        let face = &samples[5].picture;
        let error = |directions: usize| {
            let found = space.reconstructed(face, directions).unwrap();
            let pairs = found.pixels().iter().zip(face.pixels());
            pairs
                .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
                .sum::<f64>()
        };
        assert!(error(0) > error(expected));
        if method == RecogniserMethod::Eigen {
            assert_eq!(space.reconstructed(face, 99).unwrap(), *face);
        }
        assert_eq!(space.reconstructed(face, 0).unwrap(), space.mean_face());
        assert!(space.direction_picture(expected).is_none());
        let picture = space.direction_picture(0).unwrap();
        assert_eq!(picture.pixels().iter().max(), Some(&255));
        assert!(space.reconstructed(&noise(1, 9, 9), 1).is_none());
    }
}

/// Equal pictures add nothing to what people differ by.
#[test]
fn order_and_copies_change_no_answer() {
    for method in [RecogniserMethod::Eigen, RecogniserMethod::Fisher] {
        let (names, samples) = people((20, 16));
        let train = |samples: &[FaceSample]| {
            Recogniser::train(&RecogniserOptions::new(method), names.clone(), samples).unwrap()
        };
        let copies = [&samples[..], &samples[..4]].concat();
        let turned: Vec<FaceSample> = copies.iter().rev().cloned().collect();
        let (a, b) = (train(&copies), train(&turned));
        for seed in 0..20 {
            let probe = noise(seed, 20, 16);
            let (a, b) = (a.predict(&probe).unwrap(), b.predict(&probe).unwrap());
            assert_eq!(a.label, b.label, "{method:?}");
            assert!((a.distance / b.distance - 1.0).abs() < 1e-8, "{method:?}");
        }
    }
}

#[test]
fn what_cannot_be_learnt_is_refused() {
    let (names, samples) = people((20, 16));
    let train = |method, samples: &[FaceSample]| {
        Recogniser::train(&RecogniserOptions::new(method), names.clone(), samples).unwrap_err()
    };
    for method in RecogniserMethod::ALL {
        assert!(matches!(train(method, &[]), RecogniserError::Empty));
        let (_, other) = people((20, 17));
        let mixed = [&samples[..1], &other[..1]].concat();
        assert!(matches!(
            train(method, &mixed),
            RecogniserError::Size { .. }
        ));
        let (_, tiny) = people((7, 9));
        assert!(matches!(
            train(method, &tiny),
            RecogniserError::Sides { found: (7, 9) }
        ));
    }
    let fisher = RecogniserMethod::Fisher;
    // One person; and one picture of each.
    assert!(matches!(
        train(fisher, &samples[..4]),
        RecogniserError::TooFew { people: 1, .. }
    ));
    let one_each: Vec<_> = samples.iter().step_by(4).cloned().collect();
    assert!(matches!(
        train(fisher, &one_each),
        RecogniserError::TooFew {
            people: 3,
            pictures: 3
        }
    ));
    let (recogniser, _) = trained(RecogniserMethod::Lbph);
    let error = recogniser.predict(&noise(1, 16, 20)).unwrap_err();
    assert!(matches!(
        error,
        RecogniserError::Size {
            expected: (20, 16),
            found: (16, 20)
        }
    ));
    // The grid has more cells than such a face patterns.
    let (_, small) = people((8, 8));
    assert!(matches!(
        train(RecogniserMethod::Lbph, &small),
        RecogniserError::Patterns(_)
    ));
}

#[test]
fn one_picture_makes_an_eigenface_recogniser_of_the_mean() {
    let (names, samples) = people((20, 16));
    let options = RecogniserOptions::new(RecogniserMethod::Eigen);
    let recogniser = Recogniser::train(&options, names, &samples[..1]).unwrap();
    assert!(recogniser.subspace().unwrap().values().is_empty());
    let found = recogniser.predict(&samples[1].picture).unwrap();
    assert_eq!((found.label, found.distance), (0, 0.0));
    assert_eq!(
        Recogniser::from_bytes(&recogniser.to_bytes()).unwrap(),
        recogniser
    );
}
