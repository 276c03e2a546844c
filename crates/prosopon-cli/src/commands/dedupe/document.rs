//! Groups of copies as JSON, as CSV and as text.

use prosopon::dedupe::{CopyGroup, Likeness};
use serde::Serialize;

use super::{Args, Hashes, Seen};
use crate::output::{count, csv_field};

#[derive(Debug, Clone, Serialize)]
pub(super) struct PictureJson {
    pub(super) path: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    #[serde(flatten)]
    pub(super) hashes: Option<Hashes>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct CopyJson {
    #[serde(flatten)]
    pub(super) picture: PictureJson,
    /// `best`, `exact`, `near` or `hash`.
    pub(super) likeness: &'static str,
    /// Structural similarity to the picture of the group that it is most like.
    pub(super) ssim: Option<f64>,
    /// Bits that differ from the nearest hash of the group.
    pub(super) distance: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct GroupJson {
    pub(super) pictures: Vec<CopyJson>,
}

#[derive(Serialize)]
pub(super) struct Document {
    pub(super) groups: Vec<GroupJson>,
    /// Pictures that were read.
    pub(super) pictures: usize,
    /// Pictures that are not the best of their group.
    pub(super) copies: usize,
    /// Bytes of these.
    pub(super) copies_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hashes: Option<Vec<PictureJson>>,
    pub(super) failed: Vec<String>,
}

impl Document {
    pub(super) fn new(
        args: &Args,
        seen: &[Seen],
        groups: &[CopyGroup],
        failed: Vec<String>,
    ) -> Self {
        let groups: Vec<GroupJson> = groups
            .iter()
            .map(|group| GroupJson {
                pictures: group
                    .members
                    .iter()
                    .map(|(i, likeness)| copy_json(&seen[*i], *likeness))
                    .collect(),
            })
            .collect();
        let copies = || groups.iter().flat_map(|group| &group.pictures[1..]);
        Self {
            pictures: seen.len(),
            copies: copies().count(),
            copies_bytes: copies().map(|copy| copy.picture.bytes).sum(),
            hashes: args.hashes.then(|| seen.iter().map(picture_json).collect()),
            groups,
            failed,
        }
    }

    /// A row for each picture of each group.
    pub(super) fn to_csv(&self) -> String {
        let mut text = "group,path,likeness,ssim,distance,width,height,bytes,sha256\n".to_owned();
        for (i, group) in self.groups.iter().enumerate() {
            for copy in &group.pictures {
                let ssim = copy.ssim.map(|ssim| format!("{ssim:.4}"));
                let distance = copy.distance.map(|distance| distance.to_string());
                let PictureJson {
                    path,
                    width,
                    height,
                    bytes,
                    sha256,
                    ..
                } = &copy.picture;
                text += &format!(
                    "{},{},{},{},{},{width},{height},{bytes},{sha256}\n",
                    i + 1,
                    csv_field(path),
                    copy.likeness,
                    ssim.unwrap_or_default(),
                    distance.unwrap_or_default(),
                );
            }
        }
        text
    }

    /// For people.
    pub(super) fn describe(&self, args: &Args) -> String {
        let mut text = String::new();
        for (i, group) in self.groups.iter().enumerate() {
            text += &format!("group {}\n", i + 1);
            for copy in &group.pictures {
                let PictureJson {
                    path,
                    width,
                    height,
                    bytes,
                    ..
                } = &copy.picture;
                let size = format!("{width} × {height}");
                text += &format!(
                    "  {:<9}  {size:>11}  {:>6} KB  {path}\n",
                    likeness_text(copy),
                    bytes.div_ceil(1000)
                );
            }
        }
        if let Some(hashes) = &self.hashes {
            for picture in hashes {
                if let Some(h) = &picture.hashes {
                    let line = format!("{} {} {} {}", h.ahash, h.phash, h.dhash, h.whash);
                    text += &format!("{line}  {}\n", picture.path);
                }
            }
        }
        let pictures = count(self.pictures, "picture", "pictures");
        text += &match self.groups.len() {
            0 => format!("{pictures}, no copies"),
            n => format!(
                "{pictures}, {} with {} ({:.1} MB) beside the best; nothing was deleted",
                count(n, "group", "groups"),
                count(self.copies, "copy", "copies"),
                self.copies_bytes as f64 / 1e6,
            ),
        };
        for file in [&args.csv, &args.sheet].into_iter().flatten() {
            text += &format!("\nwrote {}", file.display());
        }
        text
    }
}

fn picture_json(seen: &Seen) -> PictureJson {
    let (width, height) = seen.fingerprint.size();
    let sha256 = seen.fingerprint.sha256().iter();
    PictureJson {
        path: seen.path.clone(),
        width,
        height,
        bytes: seen.fingerprint.file_bytes(),
        sha256: sha256.fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
        hashes: seen.hashes.clone(),
    }
}

fn copy_json(seen: &Seen, likeness: Likeness) -> CopyJson {
    let (name, ssim, distance) = match likeness {
        Likeness::Best => ("best", None, None),
        Likeness::Exact => ("exact", None, None),
        Likeness::Near(ssim) => ("near", Some(ssim), None),
        Likeness::Hash(distance) => ("hash", None, Some(distance)),
    };
    CopyJson {
        picture: picture_json(seen),
        likeness: name,
        ssim,
        distance,
    }
}

/// How a copy was recognised, in words.
pub(super) fn likeness_text(copy: &CopyJson) -> String {
    match (copy.likeness, copy.ssim, copy.distance) {
        (_, Some(ssim), _) => format!("SSIM {ssim:.2}"),
        (_, _, Some(1)) => "1 bit".to_owned(),
        (_, _, Some(distance)) => format!("{distance} bits"),
        (likeness, ..) => likeness.to_owned(),
    }
}
