//! `prosopon watch`: who is on a video, or before a camera.

mod deliveries;
mod inputs;
mod report;
mod signals;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use prosopon::{AttributeKind, Calibration, ModelId};
use prosopon_gallery::Gallery;
use prosopon_video::liveness::ATTRIBUTES;
use prosopon_video::source::{PixelFormat, SourceOptions, Stop, Transport};
use prosopon_video::{EvidenceOptions, InGallery, WatchOptions, Who};

use self::deliveries::DeliveriesArgs;
use self::inputs::Input;
use self::report::{Outcome, Reporter};
use self::worker::{Message, Plan, Worker};
use crate::args::{AttributeArgs, DecisionArgs, EngineArgs, GalleryArgs, OutputArgs, share};
use crate::failure::{Exit, Failure};
use crate::output::count;
use crate::session::{self, EngineSession, Load};
use crate::threshold;

/// Say who is on videos and before cameras, and when
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon watch clip.mp4                                  who is on it, when
  prosopon watch clip.mp4 --json > who.json
  prosopon watch clip.mp4 --record named.mp4 --timeline who.png
  prosopon watch webcam:0 --show                           q closes the window
  prosopon watch door=rtsp://USER:PASSWORD@10.0.0.7/stream1 --webhook https://example.org/faces
  prosopon watch rtsp://10.0.0.7/1 rtsp://10.0.0.8/1 --jsonl

A SOURCE is a video file, a folder of pictures, `webcam:0`, an address (rtsp://, http://), \
`loop:FILE`, `test:`, or `-` for raw frames on standard input; `NAME=SOURCE` gives the camera a name \
for events.

Faces are followed from frame to frame. A track gets a name when several frames together say so: \
their mean is compared as one, so `--fmr` is the rate of one comparison a track, not one a frame. A \
name that was given stays. Without enrolled people faces are followed all the same.

Events are printed as they happen; `--events`, `--webhook` and `--mqtt` keep and deliver them as \
well. At the end of files the summary says who was there when; Ctrl-C ends live sources in the same \
way.")]
pub(crate) struct Args {
    /// Videos, folders of pictures, cameras, streams; `NAME=SOURCE` names them
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Search for faces in each n-th frame, and follow them between
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    every: u16,
    /// Seconds within which somebody who comes back is not announced again
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = crate::args::number(0.0..=1e9))]
    cooldown: f64,
    /// Announce nobody before the face looks live over some seconds (see docs/attributes.md for how reliable that is)
    #[arg(long)]
    require_live: bool,
    #[command(flatten)]
    attributes: AttributeArgs,
    /// End after this time of the source
    #[arg(long, value_name = "SECONDS", value_parser = crate::args::number(0.0..=1e9))]
    max_seconds: Option<f64>,
    /// End after so many frames
    #[arg(long, value_name = "N")]
    max_frames: Option<u64>,
    /// Write the video with boxes and names (H.264, with the sound of a file)
    #[arg(long, value_name = "OUT.mp4")]
    record: Option<PathBuf>,
    /// Draw who was there when (.png or .svg)
    #[arg(long, value_name = "OUT.png")]
    timeline: Option<PathBuf>,
    /// Show the video with boxes and names in a window; `q` ends
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    deliveries: DeliveriesArgs,
    #[command(flatten)]
    source: VideoArgs,
    #[command(flatten)]
    decision: DecisionArgs,
    /// Share of the last samples that must agree about a name
    #[arg(long, value_name = "SHARE", default_value_t = 0.6, value_parser = share, help_heading = "Decision")]
    agreement: f32,
    /// Samples (embedded frames of enough quality) that a name needs
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Decision")]
    min_samples: u16,
    /// Quality, from 0 to 1, below which a frame says nothing about who it is; 0 lets small and blurred faces count
    #[arg(long, value_name = "Q", default_value_t = EvidenceOptions::default().least_quality, value_parser = share, help_heading = "Decision")]
    min_quality: f32,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// How sources are read.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Sources")]
struct VideoArgs {
    /// Folder of FFmpeg, or the program itself
    #[arg(long, value_name = "PATH", env = "PROSOPON_FFMPEG")]
    ffmpeg: Option<PathBuf>,
    /// Frames a second of a folder of pictures (1 by default), of raw frames (25), or asked of a webcam
    #[arg(long, value_name = "FPS", value_parser = crate::args::number(0.001..=1000.0))]
    fps: Option<f64>,
    /// Width and height of raw frames, or asked of a webcam
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    size: Option<(u32, u32)>,
    /// Layout of raw frames
    #[arg(long, value_name = "FORMAT", value_parser = pixel_format, default_value = "rgb24")]
    pixel_format: PixelFormat,
    /// Give a file's frames at the speed of a player
    #[arg(long)]
    real_time: bool,
    /// Seconds without a frame after which a live source is opened again
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = crate::args::number(0.0..=1e9))]
    stall: f64,
    /// RTSP over UDP instead of TCP
    #[arg(long)]
    udp: bool,
}

impl VideoArgs {
    fn options(&self, max_pixels: u64) -> SourceOptions {
        SourceOptions {
            ffmpeg: self.ffmpeg.clone(),
            stall: Duration::from_secs_f64(self.stall.max(0.5)),
            transport: if self.udp {
                Transport::Udp
            } else {
                Transport::Tcp
            },
            max_pixels,
            size: self.size,
            frames_per_second: self.fps,
            format: self.pixel_format,
            in_real_time: self.real_time,
            ..SourceOptions::default()
        }
    }
}

impl Args {
    /// What is to be estimated of faces; liveness rests on several networks.
    fn kinds(&self) -> Vec<AttributeKind> {
        let mut kinds = self.attributes.attributes.clone();
        if self.require_live || kinds.contains(&AttributeKind::Liveness) {
            kinds.extend(ATTRIBUTES);
        }
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    check(args)?;
    let inputs = inputs::parse(&args.sources)?;
    let stop = Stop::new();
    let options = args.source.options(args.engine.detect.limits().pixels);
    // What cannot be opened is said before models are loaded.
    let (messages, received) = mpsc::channel();
    let opened = inputs::open(inputs, &options, &stop, &messages)?;
    let session = session::open_engine(&args.engine, Load::of(opened.len()))?;
    let gallery = open_gallery(args)?;
    let who = gallery
        .as_ref()
        .map(|gallery| enrolled(args, &session, gallery));
    let who = who.transpose()?;
    let attributes = session::open_attributes(
        &args.kinds(),
        &args.engine.models.source,
        &args.engine.inference,
        Load::of(opened.len()),
    )?
    .map(Arc::new);
    let mut deliveries = args.deliveries.open()?;
    signals::stop_on_signal(&stop)?;

    let watch = options_of(args, &session);
    let mut reporter = Reporter::new(args.output.format(), &opened, who.as_ref(), session.about);
    let engine = Arc::new(session.engine);
    let plan = Arc::new(Plan {
        max_position: args.max_seconds.map(Duration::from_secs_f64),
        max_frames: args.max_frames,
        record: args.record.clone(),
        show: args.show,
        ffmpeg: args.source.ffmpeg.clone(),
    });
    let mut n_open = opened.len();
    let mut threads = Vec::new();
    for (
        number,
        Input {
            name, source, path, ..
        },
    ) in opened.into_iter().enumerate()
    {
        let who = who.clone().map(|who| who as Arc<dyn Who>);
        let mut watcher =
            prosopon_video::Watcher::new(&name, Arc::clone(&engine), who, watch.clone());
        if let Some(networks) = &attributes {
            watcher = watcher.with_attributes(Arc::clone(networks));
        }
        watcher.remember(&deliveries.last_of(&name)?);
        let worker = Worker {
            number,
            name,
            path,
            watcher,
            source,
            plan: Arc::clone(&plan),
            stop: stop.clone(),
            messages: messages.clone(),
        };
        threads.push(thread::spawn(move || worker.run()));
    }
    drop(messages);

    let mut ended = Ok(());
    while n_open > 0 {
        let Ok(message) = received.recv() else { break };
        n_open -= usize::from(matches!(message, Message::Ended { .. }));
        // After a failure the threads are waited for, and nothing is printed or kept any more.
        if ended.is_ok() {
            ended = deliveries
                .take(&message)
                .and_then(|()| reporter.take(message));
            if ended.is_err() {
                stop.stop();
            }
        }
    }
    // A source that panicked has said so and ended without a message.
    let panicked = threads.into_iter().map(thread::JoinHandle::join);
    let n_panicked = panicked.filter(Result::is_err).count();
    deliveries.finish(|notice| reporter.note(notice))?;
    ended?;
    if n_panicked > 0 {
        let message = format!(
            "{} ended by a mistake of this program",
            count(n_panicked, "source", "sources")
        );
        return Err(Failure::new(Exit::Setup, "internal", message)
            .with_hint("please report what was printed before"));
    }
    let outcome = reporter.finish()?;
    if let Some(path) = &args.timeline {
        outcome.draw(path)?;
    }
    exit_of(outcome)
}

fn exit_of(outcome: Outcome) -> Result<Exit, Failure> {
    match outcome.failure {
        // The only source failed: that ends the program. Of several it was reported, and the rest went on.
        Some(failure) if outcome.sources.len() == 1 => Err(failure),
        Some(_) => Ok(Exit::BadInput),
        None => Ok(Exit::Success),
    }
}

fn check(args: &Args) -> Result<(), Failure> {
    if args.sources.len() > 1 && (args.record.is_some() || args.show) {
        let what = if args.show { "--show" } else { "--record" };
        let message = format!("`{what}` takes one source, found {}", args.sources.len());
        return Err(Failure::new(Exit::Usage, "several_sources", message)
            .with_hint("run `prosopon watch` once for each of them"));
    }
    Ok(())
}

/// The gallery; none if the default one does not exist, as following faces needs nobody enrolled.
fn open_gallery(args: &Args) -> Result<Option<Arc<Gallery>>, Failure> {
    let path = session::gallery_path(&args.gallery)?;
    if args.gallery.gallery.is_none() && !path.exists() {
        crate::output::eprint(
            "note: nobody is enrolled, so faces are followed without names; `prosopon enrol` adds people",
        );
        return Ok(None);
    }
    Ok(Some(Arc::new(session::open_gallery(&args.gallery, false)?)))
}

fn enrolled(
    args: &Args,
    session: &EngineSession,
    gallery: &Arc<Gallery>,
) -> Result<Arc<InGallery>, Failure> {
    let rule = threshold::rule(
        &args.decision,
        &session.model,
        session.calibration.as_ref(),
        gallery.active_calibration(&session.model)?.as_ref(),
    )?;
    Ok(Arc::new(InGallery::new(Arc::clone(gallery), rule)))
}

fn options_of(args: &Args, session: &EngineSession) -> WatchOptions {
    let calibration = session
        .calibration
        .as_ref()
        .map(|active| &active.calibration);
    WatchOptions {
        every: usize::from(args.every),
        cooldown: Duration::from_secs_f64(args.cooldown),
        evidence: EvidenceOptions {
            agreement: args.agreement,
            min_samples: usize::from(args.min_samples),
            unknown_samples: usize::from(args.min_samples) * 2,
            least_quality: args.min_quality,
            ..links(&session.model, calibration)
        },
        require_live: args.require_live,
        ..WatchOptions::default()
    }
}

/// When two embeddings of this model link tracks.
fn links(model: &ModelId, calibration: Option<&Calibration>) -> EvidenceOptions {
    calibration.map_or_else(EvidenceOptions::default, |calibration| {
        EvidenceOptions::calibrated(model, calibration)
    })
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let parse = |side: &str| side.parse().ok().filter(|side| (1..=32_768).contains(side));
    text.split_once('x')
        .and_then(|(width, height)| Some((parse(width)?, parse(height)?)))
        .ok_or_else(|| "expected WIDTHxHEIGHT in pixels, such as 640x480".to_owned())
}

fn pixel_format(text: &str) -> Result<PixelFormat, String> {
    PixelFormat::from_name(text).ok_or_else(|| {
        let names = PixelFormat::ALL.map(PixelFormat::name);
        format!("expected one of {}", names.join(", "))
    })
}
