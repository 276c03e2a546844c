//! What every index must do. A new one runs [`run`] in its tests.

use super::{Grouping, Hit, Index, cosine};
use crate::face::FaceId;
use crate::subject::SubjectId;
use crate::synthetic::{self, Rng};

type Make<'a> = &'a dyn Fn(usize) -> Box<dyn Index>;

/// Runs the whole suite; `make` gives an empty index of a dimension.
pub(super) fn run(make: Make) {
    an_empty_index_finds_nothing(make);
    one_row_is_found(make);
    equal_rows_come_by_id(make);
    rows_can_be_removed_and_replaced(make);
    equals_brute_force(make);
    any_number_of_threads_gives_the_same_answer(make);
    stays_right_while_it_changes(make);
}

struct Row {
    face: FaceId,
    subject: SubjectId,
    values: Vec<f32>,
}

/// The definition that every index is held to.
fn brute_force(rows: &[Row], probe: &[f32], k: usize, grouping: Grouping) -> Vec<Hit> {
    let mut hits: Vec<Hit> = rows
        .iter()
        .map(|row| Hit {
            face: row.face,
            subject: row.subject,
            similarity: cosine(probe, &row.values),
        })
        .collect();
    hits.sort_by(|a, b| {
        b.similarity
            .total_cmp(&a.similarity)
            .then(a.face.cmp(&b.face))
    });
    if grouping == Grouping::Subjects {
        let mut seen = std::collections::HashSet::new();
        hits.retain(|hit| seen.insert(hit.subject));
    }
    hits.truncate(k);
    hits
}

fn filled(make: Make, dim: usize, rows: &[Row]) -> Box<dyn Index> {
    let mut index = make(dim);
    for row in rows {
        index.insert(row.face, row.subject, &row.values);
    }
    index
}

fn rows_of(values: &[f32], dim: usize, faces_per_subject: usize) -> Vec<Row> {
    values
        .chunks(dim)
        .enumerate()
        .map(|(i, values)| Row {
            // Ids neither start at zero nor rise with the rows.
            face: FaceId((i as i64 * 7919) % 1_000_003 + 5),
            subject: SubjectId((i / faces_per_subject) as i64 + 100),
            values: values.to_vec(),
        })
        .collect()
}

fn an_empty_index_finds_nothing(make: Make) {
    let index = make(4);
    assert!(index.is_empty());
    assert_eq!(index.dim(), 4);
    assert_eq!(index.search(&[1.0, 0.0, 0.0, 0.0], 3, Grouping::Faces), []);
    assert_eq!(index.search_batch(&[], 3, Grouping::Faces).len(), 0);
}

fn one_row_is_found(make: Make) {
    let mut index = make(2);
    index.insert(FaceId(9), SubjectId(4), &[0.6, 0.8]);
    for grouping in [Grouping::Faces, Grouping::Subjects] {
        let hits = index.search(&[0.6, 0.8], 10, grouping);
        assert_eq!((hits[0].face, hits[0].subject), (FaceId(9), SubjectId(4)));
        assert_eq!(hits[0].similarity, cosine(&[0.6, 0.8], &[0.6, 0.8]));
        assert_eq!(hits.len(), 1);
        assert_eq!(index.search(&[0.6, 0.8], 0, grouping), []);
    }
    assert_eq!(index.values(FaceId(9)), Some(&[0.6_f32, 0.8][..]));
    assert_eq!(index.values(FaceId(8)), None);
}

fn equal_rows_come_by_id(make: Make) {
    let mut index = make(3);
    for id in [5, 3, 9, 1, 7] {
        index.insert(FaceId(id), SubjectId(id % 2), &[0.0, 1.0, 0.0]);
    }
    let ids = |k, grouping| -> Vec<i64> {
        let hits = index.search(&[0.0, 1.0, 0.0], k, grouping);
        hits.iter().map(|hit| hit.face.0).collect()
    };
    assert_eq!(ids(3, Grouping::Faces), [1, 3, 5]);
    assert_eq!(ids(99, Grouping::Faces), [1, 3, 5, 7, 9]);
    assert_eq!(ids(3, Grouping::Subjects), [1]);
}

fn rows_can_be_removed_and_replaced(make: Make) {
    let mut index = make(2);
    for id in 0..4 {
        let angle = id as f32 * 0.3;
        index.insert(FaceId(id), SubjectId(id), &[angle.cos(), angle.sin()]);
    }
    assert!(index.remove(FaceId(0)));
    assert!(!index.remove(FaceId(0)));
    assert!(index.remove(FaceId(3)));
    index.insert(FaceId(2), SubjectId(8), &[1.0, 0.0]);
    assert_eq!(index.len(), 2);
    let hits = index.search(&[1.0, 0.0], 9, Grouping::Faces);
    let found: Vec<_> = hits.iter().map(|h| (h.face.0, h.subject.0)).collect();
    assert_eq!(found, [(2, 8), (1, 1)]);
}

/// Data sets that try the bounds: usual ones, near ties, spikes, doubles, opposite rows.
fn data_sets() -> Vec<(&'static str, usize, Vec<f32>)> {
    let mut rng = Rng::new(77);
    let mut near_ties = Vec::new();
    let center = rng.unit_vector(64);
    for _ in 0..6000 {
        near_ties.extend(rng.near(&center, 1e-4));
    }
    let mut spikes = Vec::new();
    for i in 0..1500 {
        let mut row = vec![1e-3 * rng.normal(); 96];
        row[i % 96] = if i % 3 == 0 { -1.0 } else { 1.0 };
        spikes.extend(rng.near(&row, 0.01));
    }
    let mut doubles = synthetic::random(4, 40, 32);
    doubles = doubles.repeat(30);
    let mut opposites = synthetic::random(6, 300, 48);
    let negated: Vec<f32> = opposites.iter().map(|v| -v).collect();
    opposites.extend(negated);
    vec![
        ("random", 128, synthetic::random(1, 9000, 128)),
        ("clustered", 512, synthetic::clustered(2, 3000, 5, 512, 1.0)),
        ("near ties", 64, near_ties),
        ("spikes", 96, spikes),
        ("doubles", 32, doubles),
        ("opposites", 48, opposites),
        ("flat", 3, synthetic::random(9, 5000, 3)),
    ]
}

fn equals_brute_force(make: Make) {
    for (name, dim, values) in data_sets() {
        let rows = rows_of(&values, dim, 5);
        let index = filled(make, dim, &rows);
        let mut rng = Rng::new(3);
        for trial in 0..12 {
            let probe = if trial % 2 == 0 {
                rng.unit_vector(dim)
            } else {
                rng.near(&rows[rng.clone().below(rows.len())].values, 0.3)
            };
            for k in [1, 10, 137, rows.len() + 1] {
                for grouping in [Grouping::Faces, Grouping::Subjects] {
                    assert_eq!(
                        index.search(&probe, k, grouping),
                        brute_force(&rows, &probe, k, grouping),
                        "{name}, k {k}, {grouping:?}"
                    );
                }
            }
        }
    }
}

fn any_number_of_threads_gives_the_same_answer(make: Make) {
    let dim = 32;
    let values = synthetic::clustered(8, 20_000, 4, dim, 1.0);
    let index = filled(make, dim, &rows_of(&values, dim, 4));
    let probes: Vec<&[f32]> = values.chunks(dim).step_by(1500).collect();
    let one_by_one: Vec<Vec<Hit>> = probes
        .iter()
        .map(|probe| index.search(probe, 10, Grouping::Subjects))
        .collect();
    for n_threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .unwrap();
        let together = pool.install(|| index.search_batch(&probes, 10, Grouping::Subjects));
        assert_eq!(together, one_by_one, "{n_threads} threads");
    }
}

fn stays_right_while_it_changes(make: Make) {
    let dim = 16;
    let mut rng = Rng::new(12);
    let mut index = make(dim);
    let mut rows: Vec<Row> = Vec::new();
    for step in 0..1500_i64 {
        if rng.below(3) == 0 && !rows.is_empty() {
            let gone = rows.swap_remove(rng.below(rows.len()));
            assert!(index.remove(gone.face));
        } else {
            let row = Row {
                face: FaceId(step),
                subject: SubjectId(step % 40),
                values: rng.unit_vector(dim),
            };
            index.insert(row.face, row.subject, &row.values);
            rows.push(row);
        }
        if step % 100 == 99 {
            let probe = rng.unit_vector(dim);
            for grouping in [Grouping::Faces, Grouping::Subjects] {
                assert_eq!(
                    index.search(&probe, 7, grouping),
                    brute_force(&rows, &probe, 7, grouping)
                );
            }
        }
    }
}
