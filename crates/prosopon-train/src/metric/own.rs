//! An embedding network of one's own, from pictures.

use std::sync::atomic::AtomicBool;

use prosopon::embed::{Embedding, ModelId};

use super::fit::{MetricEpoch, MetricOptions, fit_embedder};
use super::head::{HeadError, HeadReport, Separation, count, split};
use crate::nn::{Architecture, FitError, Network};
use crate::rows::{Chosen, Rows};

/// Trains the network of `architecture`, which ends in `l2_normalise`, on pictures with the number of the person of each,
/// and measures it on people that it has never seen; `before` in the report are the pixels themselves, taken for
/// embeddings. `held_out` is the share of the people who stop it, and of those whom it is measured on.
///
/// # Errors
/// [`HeadError`]: fewer than eight people, or what [`fit_embedder`] says.
pub fn fit_own(
    architecture: &Architecture,
    pictures: &dyn Rows,
    people: &[usize],
    held_out: f64,
    options: &MetricOptions,
    on_epoch: &mut dyn FnMut(&MetricEpoch),
    cancelled: &AtomicBool,
) -> Result<(Network, HeadReport), HeadError> {
    let parts = split(people, held_out, options.seed)?;
    let labels = parts
        .each_ref()
        .map(|part| part.iter().map(|i| people[*i]).collect::<Vec<usize>>());
    let rows = parts.each_ref().map(|places| Chosen {
        all: pictures,
        places: places.clone(),
    });
    let (network, history) = fit_embedder(
        architecture,
        (&rows[0], &labels[0]),
        (&rows[1], &labels[1]),
        options,
        None,
        on_epoch,
        cancelled,
    )?;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut values = vec![0.0; pictures.width()];
    for index in 0..rows[2].len() {
        let read = rows[2].read(index, &mut values);
        read.map_err(|source| FitError::Read { index, source })?;
        after.push(Embedding::from_values(
            ModelId::new("own"),
            network.outputs(&values),
        )?);
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let centred = values.iter().map(|value| value - mean).collect();
        before.push(Embedding::from_values(ModelId::new("pixels"), centred)?);
    }
    let report = HeadReport {
        training: count(people, &parts[0]),
        validation: count(people, &parts[1]),
        held_out: count(people, &parts[2]),
        before: Separation::measure(&before, &labels[2])?,
        after: Separation::measure(&after, &labels[2])?,
        history,
    };
    Ok((network, report))
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use ndarray::Array2;

    use super::*;
    use crate::nn::Optimiser;

    #[test]
    fn people_it_never_saw_are_told_apart_better_than_by_pixels() {
        let mut rng = Rng::with_seed(3);
        // Four of eight pixels say who it is; the others are noise.
        let mut people = Vec::new();
        let mut values = Vec::new();
        for person in 0..40 {
            let own = [0; 4].map(|_| rng.f32() * 255.0);
            for _ in 0..6 {
                values.extend(own.map(|level| level + rng.f32() * 20.0));
                values.extend((0..4).map(|_| rng.f32() * 255.0));
                people.push(person);
            }
        }
        let pictures = Array2::from_shape_vec((people.len(), 8), values).unwrap();
        let text = "name = \"own\"\ninput = { width = 4, height = 2, channels = 1 }\n\
            [[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 4\n\
            [[layers]]\nkind = \"l2_normalise\"\n";
        let architecture = Architecture::parse(text).unwrap();
        let options = MetricOptions {
            optimiser: Optimiser::adam().with_learning_rate(1e-2),
            epochs: 80,
            patience: 20,
            ..MetricOptions::default()
        };
        let never = AtomicBool::new(false);
        let (network, report) = fit_own(
            &architecture,
            &pictures.view(),
            &people,
            0.25,
            &options,
            &mut |_| {},
            &never,
        )
        .unwrap();
        assert_eq!(report.held_out, (10, 60));
        assert!(report.after.auc > report.before.auc + 0.05, "{report:?}");
        let length: f32 = network.outputs(&[9.0; 8]).iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-4);
    }
}
