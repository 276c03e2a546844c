//! From a folder, a list or a table to samples with their values.

use std::path::Path;

use prosopon::image::DecodeLimits;
use prosopon_train::data::{
    DataSet, DataSetBuilder, DataSetError, GroupBy, Listing, Seen, SkipReason, Skipped, list_csv,
    list_folder,
};
use prosopon_train::input::{Extractor, InputError};

use crate::analysis::read_all;
use crate::failure::{Exit, Failure};
use crate::output::eprint;
use crate::pictures::Input as Picture;
use crate::toolbox::input_failure;

/// Pictures that are remarked on; of more only the number is said, the report lists all.
const MAX_REMARKS: usize = 20;

/// What was named on the command line.
pub(super) enum Source {
    /// Pictures to look at.
    Pictures(Listing),
    /// Values that are there already.
    Values(DataSet),
}

impl Source {
    /// Looks what `path` is.
    pub(super) fn open(path: &Path, group_by: GroupBy) -> Result<Self, Failure> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            if DataSet::is_saved_in(path) {
                return Ok(Self::Values(DataSet::load(path).map_err(failure)?));
            }
            return Ok(Self::Pictures(list_folder(path, group_by)));
        }
        if !path.exists() {
            let message = "expected a folder, a .csv or an .npz, found nothing";
            return Err(Failure::new(Exit::BadInput, "unknown_data", message)
                .at(path.display())
                .with_hint("a folder holds a folder of pictures for each class"));
        }
        match ending.to_str() {
            Some("csv") => list_csv(path).map(Self::Pictures).map_err(|error| {
                Failure::new(Exit::BadInput, "invalid_list", error)
                    .at(path.display())
                    .with_hint("the first line names the columns: path,label[,split][,group]")
            }),
            Some("npz") => Ok(Self::Values(DataSet::load_npz(path).map_err(failure)?)),
            _ => {
                let message = "expected a folder, a .csv or an .npz, found another file";
                Err(Failure::new(Exit::BadInput, "unknown_data", message).at(path.display()))
            }
        }
    }
}

/// Looks at all pictures of `listing`. The values go into `folder`, not into memory.
pub(super) fn gather(
    listing: Listing,
    extractor: &Extractor<'_>,
    folder: &Path,
    limits: &DecodeLimits,
    workers: usize,
) -> Result<DataSet, Failure> {
    let input = extractor.input().clone();
    let mut builder = DataSetBuilder::save_in(folder, listing.classes, input).map_err(failure)?;
    let mut remarks = Remarks::default();
    for name in listing.without_class {
        remarks.skip(
            &mut builder,
            name,
            SkipReason::NoClass,
            "lies beside the folders of classes",
        );
    }
    for (path, message) in listing.unreadable {
        remarks.skip(
            &mut builder,
            path.display().to_string(),
            SkipReason::Unreadable,
            &message,
        );
    }
    let inputs: Vec<Picture> = listing
        .pictures
        .iter()
        .map(|p| Picture::File(p.path.clone()))
        .collect();
    let mut next = listing.pictures.iter();
    read_all(
        &inputs,
        limits,
        workers,
        |picture| {
            let face = extractor.largest_face(&picture.image)?;
            Ok::<_, InputError>(face.map(|face| Seen::new(&picture.image, face)))
        },
        |_, read| {
            let Some(listed) = next.next() else {
                return Ok(());
            };
            match read {
                Ok(Ok(Some(seen))) => builder.add(listed, seen).map_err(failure)?,
                Ok(Ok(None)) => {
                    remarks.skip(
                        &mut builder,
                        listed.name.clone(),
                        SkipReason::NoFace,
                        "no face that is wanted",
                    );
                }
                Ok(Err(error)) => {
                    let failure = input_failure(error);
                    if failure.exit != Exit::BadInput {
                        return Err(failure.at(&listed.name));
                    }
                    remarks.skip(
                        &mut builder,
                        listed.name.clone(),
                        SkipReason::Unusable,
                        &failure.message,
                    );
                }
                Err(failure) if failure.exit == Exit::BadInput => {
                    remarks.skip(
                        &mut builder,
                        listed.name.clone(),
                        SkipReason::Unreadable,
                        &failure.message,
                    );
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        },
    )?;
    remarks.finish();
    builder.finish().map_err(failure)
}

/// What is said of pictures that cannot be used, as they come.
#[derive(Default)]
struct Remarks(usize);

impl Remarks {
    fn skip(
        &mut self,
        builder: &mut DataSetBuilder,
        name: String,
        reason: SkipReason,
        message: &str,
    ) {
        self.0 += 1;
        if self.0 <= MAX_REMARKS {
            eprint(&format!("left out: {message}: {name}"));
        }
        builder.skip(Skipped {
            name,
            reason,
            message: message.to_owned(),
        });
    }

    fn finish(&self) {
        if self.0 > MAX_REMARKS {
            eprint(&format!(
                "left out: {} more; the report lists all",
                self.0 - MAX_REMARKS
            ));
        }
    }
}

/// A data set that cannot be read or written.
pub(super) fn failure(error: DataSetError) -> Failure {
    match error {
        DataSetError::Io { .. } => Failure::new(Exit::Storage, "unusable_samples", error),
        _ => Failure::new(Exit::BadInput, "unusable_samples", error),
    }
}
