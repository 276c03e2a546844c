//! Where albums are, and which one is meant.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon_gallery::PictureHash;
use prosopon_gallery::album::{Album, AlbumOptions, GroupId};
use prosopon_models::Store;

use crate::failure::{Exit, Failure};

/// Folder of the albums in the data directory.
const FOLDER: &str = "albums";

/// Which album.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Album")]
pub(crate) struct AlbumArgs {
    /// Album file, or the folder of photographs that it was made from; an album in the data directory
    /// by default
    #[arg(long, value_name = "FILE|DIR", env = "PROSOPON_ALBUM", global = true)]
    pub(crate) album: Option<PathBuf>,
}

/// The album of these photographs: the one that was named, else one in the data directory, with a name
/// made from theirs.
pub(crate) fn path_for(args: &AlbumArgs, photographs: &[PathBuf]) -> Result<PathBuf, Failure> {
    match &args.album {
        Some(path) if path.is_dir() => own_path(std::slice::from_ref(path)),
        Some(path) => Ok(path.clone()),
        None => own_path(photographs),
    }
}

/// Opens the album of some photographs; makes it if there is none.
pub(crate) fn open_or_create(path: &Path, args: &AlbumArgs) -> Result<Album, Failure> {
    if args.album.as_ref().is_none_or(|album| album.is_dir()) {
        let folder = path.parent().map(fs::create_dir_all).transpose();
        folder.map_err(|error| Failure::write(path.display(), &error))?;
    }
    Ok(Album::open(path, &AlbumOptions::default())?)
}

/// Opens the album that was named, else the only one that there is.
pub(crate) fn open(args: &AlbumArgs) -> Result<Album, Failure> {
    let options = AlbumOptions {
        create: false,
        ..AlbumOptions::default()
    };
    if args.album.is_some() {
        return Ok(Album::open(path_for(args, &[])?, &options)?);
    }
    let folder = Store::open()?.home().join(FOLDER);
    let mut albums: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "db"))
        .collect();
    albums.sort();
    match &albums[..] {
        [only] => Ok(Album::open(only, &options)?),
        [] => Err(
            Failure::new(Exit::Storage, "album_missing", "there is no album yet")
                .at(folder.display())
                .with_hint("`prosopon cluster DIR` makes one"),
        ),
        several => {
            let message = format!("expected one album, found {}", several.len());
            Err(Failure::new(Exit::Usage, "several_albums", message)
                .at(folder.display())
                .with_hint("name the album, or the folder that it was made from, with `--album`"))
        }
    }
}

/// What a group without a name is called, in folders, on sheets and on the command line.
pub(crate) fn unnamed(group: GroupId) -> String {
    format!("person-{:03}", group.0)
}

/// An album in the data directory: named after the first of the places, with some digits of the
/// hash of all of them, so that folders of one name do not share an album.
fn own_path(photographs: &[PathBuf]) -> Result<PathBuf, Failure> {
    let whole = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let places: Vec<PathBuf> = photographs.iter().map(whole).collect();
    let name = places.first().and_then(|place| place.file_stem());
    let name: String = name
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let joined: Vec<_> = places.iter().map(|p| p.to_string_lossy()).collect();
    let hash = PictureHash::of(joined.join("\n").as_bytes()).to_string();
    let folder = Store::open()?.home().join(FOLDER);
    Ok(folder.join(format!("{name}-{}.db", &hash[..8])))
}
