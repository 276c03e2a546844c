use super::*;
use crate::embed::{Embedding, ModelId};
use crate::evaluate::Resampler;

/// `n` faces of each of `people` people around directions of their own, in 32 dimensions.
fn faces(people: usize, n: usize) -> Vec<LabelledFace> {
    let mut random = Resampler(11);
    (0..people * n)
        .map(|i| {
            let mut values = vec![0.0f32; 32];
            values[i / n] = 1.0;
            for value in &mut values {
                *value += (random.below(2001) as f32 / 1000.0 - 1.0) * 0.25;
            }
            LabelledFace {
                identity: i / n,
                embedding: Embedding::from_values(ModelId::new("m"), values).unwrap(),
            }
        })
        .collect()
}

const THRESHOLD: f32 = 0.4;

#[test]
fn right_labels_are_not_doubted() {
    let faces = faces(5, 12);
    let people = People::new(&faces, 5, THRESHOLD).unwrap();
    assert_eq!(people.doubts(), []);
    assert_eq!(people.same_people(), []);
}

#[test]
fn a_wrong_label_and_a_stranger_are_doubted() {
    let mut faces = faces(5, 12);
    faces[3].identity = 4;
    let mut stranger = vec![0.0; 32];
    stranger[20] = 1.0;
    faces[30].embedding = Embedding::from_values(ModelId::new("m"), stranger).unwrap();
    let people = People::new(&faces, 5, THRESHOLD).unwrap();
    let [wrong, strange] = people.doubts()[..] else {
        panic!("{:?}", people.doubts());
    };
    assert_eq!((wrong.face, wrong.identity, wrong.likely), (3, 4, Some(0)));
    assert!(wrong.likely_similarity.unwrap() > 0.6 && wrong.similarity < 0.3);
    assert_eq!(
        (strange.face, strange.identity, strange.likely),
        (30, 2, None)
    );
}

#[test]
fn two_names_of_one_person_are_found() {
    let mut faces = faces(4, 10);
    for face in faces.iter_mut().filter(|f| f.identity == 2).skip(5) {
        face.identity = 4;
    }
    let people = People::new(&faces, 5, THRESHOLD).unwrap();
    let [pair] = people.same_people()[..] else {
        panic!("{:?}", people.same_people());
    };
    assert_eq!((pair.first, pair.second), (2, 4));
    assert!(pair.similarity > 0.5);
}

#[test]
fn planted_errors_are_found_again() {
    let faces = faces(6, 20);
    for seed in 1..4 {
        let report = plant_errors(&faces, 6, THRESHOLD, 0.05, seed).unwrap();
        assert_eq!((report.planted, report.others), (6, 0), "{report:?}");
        assert_eq!((report.recall, report.precision), (1.0, 1.0), "{report:?}");
    }
    // Nobody else's name can be given.
    let alone = plant_errors(&faces[..20], 1, THRESHOLD, 0.05, 1).unwrap();
    assert_eq!((alone.planted, alone.found), (0, 0));
}

#[test]
fn few_faces_are_no_error() {
    let faces = faces(3, 1);
    let people = People::new(&faces, 3, THRESHOLD).unwrap();
    assert_eq!(people.doubts(), []);
    let nobody = People::new(&[], 0, THRESHOLD).unwrap();
    assert_eq!((nobody.doubts(), nobody.same_people()), (vec![], vec![]));
}

#[test]
fn an_empty_collection_has_a_page() {
    let collection = Collection::default();
    let found = collection.explore(THRESHOLD).unwrap();
    let html = page("Nothing", &collection, &found, &[]).to_html();
    assert!(html.contains("0 pictures of 0 people"));
}
