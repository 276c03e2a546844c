//! The faces of folders: all of them, or of each picture the one that it is of.

use std::path::{Path, PathBuf};

use prosopon::detect::central;
use prosopon::{Detection, Face, FaceEngine};

use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::args::EngineArgs;
use crate::failure::Failure;
use crate::pictures::{self, Input, pass_over};

/// A picture that could be read, and the faces on it, most confident first.
pub(crate) struct ReadPicture {
    /// As it was found.
    pub(crate) path: PathBuf,
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    pub(crate) faces: Vec<Face>,
}

/// Pictures that could be read, in the order of their names, and how many could not.
pub(crate) struct ReadPictures {
    pub(crate) pictures: Vec<ReadPicture>,
    /// Names of the pictures that could not be used; why was said on standard error.
    pub(crate) failed: Vec<String>,
}

/// A picture of a known person.
pub(crate) struct LabelledPicture {
    /// Place in [`LabelledPictures::identities`].
    pub(crate) identity: usize,
    pub(crate) path: PathBuf,
    /// The face that it is of; none if none was found.
    pub(crate) face: Option<Face>,
}

/// A folder that holds a folder of pictures for each person.
pub(crate) struct LabelledPictures {
    /// The folders' names, in order.
    pub(crate) identities: Vec<String>,
    pub(crate) pictures: Vec<LabelledPicture>,
    /// Names of the pictures that could not be used; why was said on standard error.
    pub(crate) failed: Vec<String>,
}

/// All faces of the pictures that `paths` name: files, folders, patterns.
///
/// A picture that cannot be used is remarked on and the rest goes on.
pub(crate) fn all(
    paths: &[PathBuf],
    engine: &FaceEngine,
    args: &EngineArgs,
) -> Result<ReadPictures, Failure> {
    of_inputs(&pictures::collect(paths)?, engine, args)
}

/// All faces of `inputs`, as [`all`].
pub(crate) fn of_inputs(
    inputs: &[Input],
    engine: &FaceEngine,
    args: &EngineArgs,
) -> Result<ReadPictures, Failure> {
    let mut read = ReadPictures {
        pictures: Vec::with_capacity(inputs.len()),
        failed: Vec::new(),
    };
    analyze_all(
        inputs,
        engine,
        &args.detect.limits(),
        args.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, _| size_of(&picture),
        |input, analysed| {
            match analysed {
                Ok((size, faces)) => read.pictures.push(ReadPicture {
                    path: PathBuf::from(input.to_string()),
                    size,
                    faces,
                }),
                Err(failure) => pass_over(input, failure, &mut read.failed)?,
            }
            Ok(())
        },
    )?;
    Ok(read)
}

/// The central face of each picture below `folder`; the name of the folder that a picture lies in
/// says who it is.
pub(crate) fn labelled(
    folder: &Path,
    engine: &FaceEngine,
    args: &EngineArgs,
) -> Result<LabelledPictures, Failure> {
    let ReadPictures { pictures, failed } = all(&[folder.to_owned()], engine, args)?;
    let mut identities: Vec<String> = pictures.iter().map(|p| identity_of(&p.path)).collect();
    identities.sort_unstable();
    identities.dedup();
    let label = |picture: ReadPicture| {
        let name = identity_of(&picture.path);
        LabelledPicture {
            identity: identities.partition_point(|identity| *identity < name),
            face: central_face(picture.size, picture.faces),
            path: picture.path,
        }
    };
    Ok(LabelledPictures {
        pictures: pictures.into_iter().map(label).collect(),
        identities,
        failed,
    })
}

/// The face that the picture is of, as [`central`] has it.
pub(crate) fn central_face(size: (u32, u32), mut faces: Vec<Face>) -> Option<Face> {
    let detections: Vec<Detection> = faces.iter().map(|face| face.detection).collect();
    Some(faces.swap_remove(central(size, &detections)?))
}

/// Name of the person a picture of a folder-per-person tree shows.
pub(crate) fn identity_of(path: &Path) -> String {
    path.parent()
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
