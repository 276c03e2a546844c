//! `prosopon album`: what the user decides about the groups that `prosopon cluster` found.

use std::path::PathBuf;

use clap::Subcommand;
use prosopon_gallery::album::{Album, AlbumFace, AlbumFaceId, Decision, Group, GroupId};
use prosopon_gallery::{Enrolment, EnrolmentRequest};
use serde::Serialize;
use serde_json::json;

use crate::albums::{self, AlbumArgs, unnamed};
use crate::args::{GalleryArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::output::{Format, count, print_line, print_value};
use crate::session;

/// Name, merge and split the people that `cluster` found; undo
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon album list --album photos/
  prosopon album name person-003 Anna
  prosopon album merge Anna 17 21  17 and 21 are Anna
  prosopon album split 1042 1043   these two faces are of somebody else
  prosopon album move 1042 --to Anna
  prosopon album apart 5 9         two people, however alike
  prosopon album undo
  prosopon album enrol Anna        into the gallery, to be recognised

A group goes by its name, its number, or as `person-003`, a face by its number. A decision confirms the faces of the groups \
that it is about; grouping them again leaves them where they are.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    album: AlbumArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List groups: those with a name, then the largest
    List,
    /// Show the faces of a group
    Show { group: String },
    /// Say who a group is
    Name { group: String, name: String },
    /// Take a group's name away
    Unname { group: String },
    /// Put groups into another one: they are the same person
    Merge {
        into: String,
        #[arg(required = true)]
        from: Vec<String>,
    },
    /// Take faces out of their group: they are another person
    Split {
        #[arg(required = true, value_name = "FACE")]
        faces: Vec<i64>,
    },
    /// Say that two groups are not the same person
    Apart { a: String, b: String },
    /// Put faces into another group
    Move {
        #[arg(required = true, value_name = "FACE")]
        faces: Vec<i64>,
        /// The group that they belong to
        #[arg(long, value_name = "GROUP")]
        to: String,
    },
    /// Take the last decision back
    Undo,
    /// Decide again what was taken back last
    Redo,
    /// List all decisions
    History,
    /// Enrol groups that have a name in a gallery
    Enrol {
        #[arg(required = true, value_name = "GROUP")]
        groups: Vec<String>,
        #[command(flatten)]
        gallery: GalleryArgs,
    },
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    group: Group,
    faces: Vec<AlbumFace>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let album = albums::open(&args.album)?;
    let format = args.output.format();
    let id = |text: &str| Ok::<_, Failure>(album.find(text)?.id);
    let ids = |texts: &[String]| {
        texts
            .iter()
            .map(|text| id(text))
            .collect::<Result<Vec<_>, _>>()
    };
    let faces = |faces: &[i64]| faces.iter().copied().map(AlbumFaceId).collect::<Vec<_>>();
    match &args.action {
        Action::List => list(&album, format)?,
        Action::Show { group } => show(&album, group, format)?,
        Action::Name { group, name } => {
            decided(&album.name(id(group)?, Some(name))?, None, format)?;
        }
        Action::Unname { group } => decided(&album.name(id(group)?, None)?, None, format)?,
        Action::Merge { into, from } => {
            decided(&album.merge(id(into)?, &ids(from)?)?, None, format)?;
        }
        Action::Split { faces: split } => {
            let (decision, new) = album.split(&faces(split))?;
            decided(&decision, Some(new), format)?;
        }
        Action::Apart { a, b } => decided(&album.apart(id(a)?, id(b)?)?, None, format)?,
        Action::Move { faces: moved, to } => {
            decided(&album.move_faces(&faces(moved), id(to)?)?, None, format)?;
        }
        Action::Undo => taken_back(&album.undo()?, "taken back", format)?,
        Action::Redo => taken_back(&album.redo()?, "decided again", format)?,
        Action::History => history(&album, format)?,
        Action::Enrol { groups, gallery } => enrol(&album, groups, gallery, format)?,
    }
    Ok(Exit::Success)
}

fn list(album: &Album, format: Format) -> Result<(), Failure> {
    let groups = album.groups()?;
    let document = json!({
        "album": album.path().display().to_string(),
        "groups": groups,
    });
    print_value(format, &document, || {
        let line = |group: &Group| {
            let name = group.name.clone().unwrap_or_else(|| unnamed(group.id));
            let faces = count(group.n_faces as usize, "face", "faces");
            let confirmed = match group.n_confirmed {
                0 => String::new(),
                n if n == group.n_faces => ", confirmed".to_owned(),
                n => format!(", {n} confirmed"),
            };
            format!("{:>5}  {name}  {faces}{confirmed}", group.id.0)
        };
        groups.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

fn show(album: &Album, group: &str, format: Format) -> Result<(), Failure> {
    let group = album.find(group)?;
    let shown = Shown {
        faces: album.faces_of(group.id)?,
        group,
    };
    print_value(format, &shown, || {
        let group = &shown.group;
        let mut text = format!("group {}", group.id);
        if let Some(name) = &group.name {
            text += &format!(", {name}");
        }
        text += &format!(": {}", count(shown.faces.len(), "face", "faces"));
        for face in &shown.faces {
            let sign = if face.is_confirmed { "confirmed" } else { "" };
            text += &format!("\n{:>7}  {}  {sign}", face.id.0, face.picture_name);
            text.truncate(text.trim_end().len());
        }
        text
    })
}

fn decided(decision: &Decision, new: Option<GroupId>, format: Format) -> Result<(), Failure> {
    let document = json!({ "decision": decision, "new_group": new });
    print_value(format, &document, || match new {
        Some(new) => format!("{}: group {new}", decision.summary),
        None => decision.summary.clone(),
    })
}

fn taken_back(decision: &Decision, what: &str, format: Format) -> Result<(), Failure> {
    print_value(format, &json!({ "decision": decision }), || {
        format!("{what}: {}", decision.summary)
    })
}

fn history(album: &Album, format: Format) -> Result<(), Failure> {
    let decisions = album.history()?;
    print_value(format, &json!({ "decisions": decisions }), || {
        let line = |decision: &Decision| {
            let sign = if decision.is_undone {
                " (taken back)"
            } else {
                ""
            };
            format!("{:>5}  {}{sign}", decision.id, decision.summary)
        };
        decisions.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

#[derive(Serialize)]
struct Enrolled {
    group: GroupId,
    subject: String,
    added: usize,
    duplicates: usize,
}

fn enrol(
    album: &Album,
    groups: &[String],
    gallery: &GalleryArgs,
    format: Format,
) -> Result<(), Failure> {
    let mut named: Vec<(GroupId, String)> = Vec::new();
    for text in groups {
        let group = album.find(text)?;
        let Some(name) = group.name else {
            let message = format!("group {} has no name to be enrolled by", group.id);
            return Err(Failure::new(Exit::Usage, "subject_missing", message)
                .with_hint(format!("`prosopon album name {} NAME`", group.id)));
        };
        named.push((group.id, name));
    }
    let gallery = session::open_gallery(gallery, true)?;
    let mut enrolled = Vec::new();
    for (group, subject) in named {
        let faces = album.faces_to_enrol(group)?.into_iter();
        let requests: Vec<EnrolmentRequest> = faces
            .map(|mut face| {
                // Galleries keep the names of files, not where they were.
                if let Some(source) = &mut face.source {
                    let name = PathBuf::from(&source.file_name);
                    let name = name.file_name().unwrap_or_default().to_string_lossy();
                    source.file_name = name.into_owned();
                }
                EnrolmentRequest {
                    subject: subject.clone(),
                    face,
                }
            })
            .collect();
        let outcomes = gallery.enrol_batch(&requests)?;
        let is_new = |outcome: &&Enrolment| matches!(outcome, Enrolment::Added { .. });
        let added = outcomes.iter().filter(is_new).count();
        let one = Enrolled {
            group,
            subject,
            added,
            duplicates: outcomes.len() - added,
        };
        if format == Format::Text {
            print_line(&format!(
                "{}: {} added, {} known already",
                one.subject,
                count(one.added, "face", "faces"),
                one.duplicates
            ))?;
        }
        enrolled.push(one);
    }
    match format {
        Format::Text => Ok(()),
        _ => print_value(format, &json!({ "enrolled": enrolled }), String::new),
    }
}
