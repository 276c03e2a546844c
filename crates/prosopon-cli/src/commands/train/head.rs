//! `prosopon train DIR --head`: an embedding of one's own.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use prosopon::{Embedding, ModelId};
use prosopon_train::data::DataSet;
use prosopon_train::input::{EMBEDDING, Values};
use prosopon_train::metric::{HeadOptions, HeadReport, MetricLoss, Separation, fit_head};
use serde::Serialize;

use super::options::HeadArg;
use crate::commands::detect::make_folder;
use crate::failure::{Exit, Failure};
use crate::progress;

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
    let folder = out.ok_or_else(|| {
        Failure::new(Exit::Usage, "usage", "--head needs a folder for its file")
            .with_hint("`--out mine` writes mine/head.prosopon")
    })?;
    let embeddings = embeddings(data)?;
    let mut options = HeadOptions::default();
    options.fit.seed = seed;
    options.fit.loss = match loss {
        HeadArg::Triplet => MetricLoss::default(),
        // Half the largest distance of unit vectors.
        HeadArg::Contrastive => MetricLoss::Contrastive { margin: 1.0 },
    };
    let line = progress::spinner("training a head");
    let trained = fit_head(
        &embeddings,
        &data.labels(),
        &options,
        &mut |epoch| {
            line.println(format!(
                "epoch {:>3}  loss {:.4}, validation loss {:.4}",
                epoch.epoch, epoch.loss, epoch.validation_loss
            ));
        },
        &AtomicBool::new(false),
    );
    line.finish_and_clear();
    let (head, report) = trained.map_err(|error| {
        Failure::new(Exit::BadInput, "no_head", error).with_hint(
            "a head needs people with several pictures each; some are held out to measure it",
        )
    })?;
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
            line("without", before),
            line("with head", after),
            history.best_epoch,
            history.epochs.len(),
            if history.best_epoch == 0 {
                ": no step made it better, the head changes nothing"
            } else {
                ""
            },
            self.file.display(),
            self.model,
        )
    }
}
