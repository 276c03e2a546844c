//! `prosopon train DIR --head` and `--metric`: an embedding of one's own.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use indicatif::ProgressBar;
use prosopon::{Embedding, ModelId};
use prosopon_train::data::DataSet;
use prosopon_train::input::{EMBEDDING, Values};
use prosopon_train::metric::{
    HeadError, HeadOptions, HeadReport, MetricEpoch, MetricOptions, Separation, fit_head, fit_own,
};
use prosopon_train::onnx;
use prosopon_train::train::Plan;
use serde::Serialize;

use super::options::HeadArg;
use crate::failure::{Exit, Failure};
use crate::output::write_file;
use crate::progress;
use crate::results::make_folder;

/// Name of the file in the folder.
const HEAD_FILE: &str = "head.prosopon";

/// What came of it.
#[derive(Serialize)]
pub(super) struct Document {
    file: PathBuf,
    /// Id of the embeddings that come out.
    model: String,
    report: HeadReport,
}

/// Trains a head on the embeddings of `data`.
pub(super) fn train(
    data: &DataSet,
    loss: HeadArg,
    seed: u64,
    out: Option<&Path>,
) -> Result<Document, Failure> {
    let folder = named(out)?;
    let embeddings = embeddings(data)?;
    let mut options = HeadOptions::default();
    options.fit.seed = seed;
    options.fit.loss = loss.loss();
    let line = progress::spinner("training a head");
    let mut tell = |epoch: &MetricEpoch| shown(&line, epoch);
    let never = AtomicBool::new(false);
    let trained = fit_head(&embeddings, &data.labels(), &options, &mut tell, &never);
    line.finish_and_clear();
    let (head, report) = trained.map_err(|error| failure_of(&error))?;
    make_folder(folder)?;
    let file = folder.join(HEAD_FILE);
    head.save(&file)
        .map_err(|error| Failure::new(Exit::Storage, "cannot_write", error).at(file.display()))?;
    Ok(Document {
        file,
        model: head.model().to_string(),
        report,
    })
}

/// Trains an embedding network on the pictures of `data`.
pub(super) fn train_network(
    data: &DataSet,
    plan: &Plan,
    loss: HeadArg,
    seed: u64,
    out: Option<&Path>,
) -> Result<Document, Failure> {
    let folder = named(out)?;
    let Plan::Network(plan) = plan else {
        return Err(Failure::new(Exit::Usage, "usage", "--metric is for --cnn"));
    };
    let input = plan.architecture.input;
    if input.width != input.height || input.channels != 3 {
        let message = format!(
            "expected a network for squares in colour, found {} × {} with {} channels",
            input.width, input.height, input.channels
        );
        return Err(Failure::new(Exit::Usage, "other_input", message).with_hint(
            "`--cnn embedder` is one; embedders of prosopon take upright faces in colour",
        ));
    }
    let options = MetricOptions {
        loss: loss.loss(),
        optimiser: plan.fit.optimiser,
        epochs: plan.fit.epochs,
        patience: plan.fit.patience.unwrap_or(plan.fit.epochs),
        seed,
        ..MetricOptions::default()
    };
    let line = progress::spinner("training an embedding network");
    let trained = fit_own(
        &plan.architecture,
        &data.features,
        &data.labels(),
        HeadOptions::default().held_out,
        &options,
        &mut |epoch| shown(&line, epoch),
        &AtomicBool::new(false),
    );
    line.finish_and_clear();
    let (network, report) = trained.map_err(|error| failure_of(&error))?;
    make_folder(folder)?;
    let name = &plan.architecture.name;
    let file = folder.join(format!("{name}.onnx"));
    write_file(&file, &onnx::network(&network, &[]))?;
    // The network scales levels itself.
    let description = format!(
        "role = \"embedder\"\nname = {name:?}\ncrop_size = {}\nchannel_order = \"rgb\"\nmean = 0\nscale = 1\n\
         layout = \"nhwc\"\n",
        input.width
    );
    write_file(&folder.join(format!("{name}.toml")), description.as_bytes())?;
    Ok(Document {
        model: name.clone(),
        file,
        report,
    })
}

fn named(out: Option<&Path>) -> Result<&Path, Failure> {
    out.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "usage",
            "an embedding needs a folder for its files",
        )
        .with_hint("`--out mine` names one")
    })
}

fn shown(line: &ProgressBar, epoch: &MetricEpoch) {
    line.println(format!(
        "epoch {:>3}  loss {:.4}, validation loss {:.4}",
        epoch.epoch, epoch.loss, epoch.validation_loss
    ));
}

fn failure_of(error: &HeadError) -> Failure {
    Failure::new(Exit::BadInput, "no_head", error)
        .with_hint("it takes people with several pictures each; some are held out to measure it")
}

/// The values of `data` as embeddings.
fn embeddings(data: &DataSet) -> Result<Vec<Embedding>, Failure> {
    let model = match &data.input.values {
        Values::Features {
            names,
            embedder: Some(id),
        } if names == EMBEDDING => ModelId::new(id),
        other => {
            let message = format!("expected embeddings, found {}", other.describe());
            return Err(Failure::new(Exit::Usage, "other_input", message)
                .with_hint("a head is for embeddings alone: leave `--feature` out"));
        }
    };
    let rows = data
        .features
        .to_array()
        .map_err(|error| Failure::new(Exit::Storage, "unusable_samples", error))?;
    rows.rows()
        .into_iter()
        .map(|row| {
            Embedding::from_values(model.clone(), row.to_vec())
                .map_err(|error| Failure::new(Exit::BadInput, "unusable_samples", error))
        })
        .collect()
}

impl Document {
    pub(super) fn describe(&self) -> String {
        let HeadReport {
            training,
            validation,
            held_out,
            before,
            after,
            history,
        } = &self.report;
        let line = |name: &str, found: &Separation| {
            format!(
                "  {name:<9}  AUC {:.5}  EER {:5.2} %  FNMR at FMR 1e-3 {:5.2} %\n",
                found.auc,
                100.0 * found.eer,
                100.0 * found.fnmr_at_fmr_1e3
            )
        };
        format!(
            "trained on {} people ({} pictures), stopped by {} ({}), measured on {} whom it never saw ({})\n\
             {}{}\
             best epoch {} of {}{}\n\
             kept in {}, embeddings of `{}`",
            training.0,
            training.1,
            validation.0,
            validation.1,
            held_out.0,
            held_out.1,
            line("before", before),
            line("after", after),
            history.best_epoch,
            history.epochs.len(),
            if history.best_epoch == 0 {
                ": no step made it better"
            } else {
                ""
            },
            self.file.display(),
            self.model,
        )
    }
}
