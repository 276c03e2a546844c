//! What `/metrics` tells, in the format of Prometheus.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Mutex;

/// Upper bounds of the latency histograms, in seconds: from a small crop to a huge photograph.
const BUCKETS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    /// The route with its placeholders, never a name or an id.
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageLabels {
    stage: Stage,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct GalleryLabels {
    gallery: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CameraLabels {
    /// The number: names may say where it hangs.
    camera: i64,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ClassifierLabels {
    classifier: String,
    version: u32,
}

/// A part of the work on a picture.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(crate) enum Stage {
    /// Waiting for a thread.
    Queue,
    /// From bytes to pixels.
    Decode,
    /// Finding faces.
    Detect,
    /// Aligning and embedding them.
    Embed,
    /// Asking a trained classifier.
    Classify,
    /// Searching the gallery.
    Search,
    /// Writing to the gallery.
    Store,
    /// Drawing and encoding a picture.
    Draw,
}

/// All that is counted.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    request_secs: Family<RouteLabels, Histogram>,
    stage_secs: Family<StageLabels, Histogram>,
    waiting: Gauge,
    running: Gauge,
    subjects: Family<GalleryLabels, Gauge>,
    gallery_faces: Family<GalleryLabels, Gauge>,
    pictures: Counter,
    faces: Counter,
    classified: Family<ClassifierLabels, Counter>,
    camera_frames: Family<CameraLabels, Counter>,
    camera_dropped: Family<CameraLabels, Gauge>,
    camera_events: Family<CameraLabels, Counter>,
    camera_up: Family<CameraLabels, Gauge>,
    n_requests: AtomicU64,
    recent: Recent,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("prosopon");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let histogram = || Histogram::new(BUCKETS);
        let request_secs = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to its answer",
            Unit::Seconds,
            request_secs.clone(),
        );
        let stage_secs = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register_with_unit(
            "stage_duration",
            "Time that a stage of recognition took",
            Unit::Seconds,
            stage_secs.clone(),
        );
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let waiting = gauge(
            &mut registry,
            "queue_waiting",
            "Pictures that wait for a thread",
        );
        let running = gauge(
            &mut registry,
            "queue_running",
            "Pictures that are worked on",
        );
        let subjects = Family::default();
        registry.register("gallery_subjects", "Enrolled subjects", subjects.clone());
        let gallery_faces = Family::default();
        registry.register("gallery_faces", "Enrolled faces", gallery_faces.clone());
        let pictures = Counter::default();
        registry.register("pictures", "Pictures decoded", pictures.clone());
        let faces = Counter::default();
        registry.register("faces", "Faces found", faces.clone());
        let classified = Family::default();
        let help = "Faces classified, by the version that answered";
        registry.register("classified_faces", help, classified.clone());
        let camera_frames = Family::default();
        let help = "Frames of a camera that were looked at";
        registry.register("camera_frames", help, camera_frames.clone());
        let camera_dropped = Family::default();
        let help = "Frames of a camera that were left out since it was started";
        registry.register("camera_frames_dropped", help, camera_dropped.clone());
        let camera_events = Family::default();
        let help = "Events of a camera";
        registry.register("camera_events", help, camera_events.clone());
        let camera_up = Family::default();
        let help = "Whether frames come from a camera";
        registry.register("camera_up", help, camera_up.clone());
        Self {
            registry: Mutex::new(registry),
            requests,
            request_secs,
            stage_secs,
            waiting,
            running,
            subjects,
            gallery_faces,
            pictures,
            faces,
            classified,
            camera_frames,
            camera_dropped,
            camera_events,
            camera_up,
            n_requests: AtomicU64::new(0),
            recent: Recent::new(),
        }
    }

    /// Names version, models and engine, once they are known.
    pub(crate) fn describe(&self, facts: &[(&'static str, String)]) {
        let info = Info::new(facts.to_vec());
        let mut registry = lock(&self.registry);
        registry.register("build", "Version, models and engine", info);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.n_requests.fetch_add(1, Ordering::Relaxed);
        self.requests
            .get_or_create(&RequestLabels {
                method: method.to_owned(),
                route: route.to_owned(),
                status,
            })
            .inc();
        self.request_secs
            .get_or_create(&RouteLabels {
                route: route.to_owned(),
            })
            .observe(took.as_secs_f64());
    }

    /// Runs `work` and notes its time.
    pub(crate) fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.took(stage, start.elapsed());
        result
    }

    pub(crate) fn took(&self, stage: Stage, time: Duration) {
        self.stage_secs
            .get_or_create(&StageLabels { stage })
            .observe(time.as_secs_f64());
    }

    /// A picture was looked at.
    pub(crate) fn looked(&self, n_faces: usize) {
        self.pictures.inc();
        self.faces.inc_by(n_faces as u64);
        self.recent.count();
    }

    /// A version of a classifier answered about so many faces.
    pub(crate) fn classified(&self, classifier: &str, version: u32, n_faces: usize) {
        let labels = ClassifierLabels {
            classifier: classifier.to_owned(),
            version,
        };
        self.classified
            .get_or_create(&labels)
            .inc_by(n_faces as u64);
    }

    /// A frame of a camera was looked at; `n_dropped` were left out since it was started.
    pub(crate) fn watched(&self, camera: i64, n_dropped: u64, n_events: usize) {
        let labels = CameraLabels { camera };
        self.camera_frames.get_or_create(&labels).inc();
        self.camera_dropped
            .get_or_create(&labels)
            .set(n_dropped as i64);
        self.camera_events
            .get_or_create(&labels)
            .inc_by(n_events as u64);
    }

    /// Whether frames come from a camera.
    pub(crate) fn camera_up(&self, camera: i64, is_up: bool) {
        let labels = CameraLabels { camera };
        self.camera_up.get_or_create(&labels).set(i64::from(is_up));
    }

    pub(crate) fn forget_camera(&self, camera: i64) {
        let labels = CameraLabels { camera };
        self.camera_frames.remove(&labels);
        self.camera_dropped.remove(&labels);
        self.camera_events.remove(&labels);
        self.camera_up.remove(&labels);
    }

    pub(crate) fn queue(&self, waiting: i64, running: i64) {
        self.waiting.inc_by(waiting);
        self.running.inc_by(running);
    }

    pub(crate) fn gallery(&self, name: &str, subjects: u64, faces: u64) {
        let labels = GalleryLabels {
            gallery: name.to_owned(),
        };
        self.subjects.get_or_create(&labels).set(subjects as i64);
        self.gallery_faces.get_or_create(&labels).set(faces as i64);
    }

    pub(crate) fn forget_gallery(&self, name: &str) {
        let labels = GalleryLabels {
            gallery: name.to_owned(),
        };
        self.subjects.remove(&labels);
        self.gallery_faces.remove(&labels);
    }

    /// Requests, pictures and faces since the start.
    pub(crate) fn totals(&self) -> (u64, u64, u64) {
        (
            self.n_requests.load(Ordering::Relaxed),
            self.pictures.get(),
            self.faces.get(),
        )
    }

    /// Waiting and running.
    pub(crate) fn queue_now(&self) -> (i64, i64) {
        (self.waiting.get(), self.running.get())
    }

    /// Pictures a second over the last [`Recent::SECS`] seconds.
    pub(crate) fn pictures_per_sec(&self) -> f64 {
        self.recent.per_sec()
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &lock(&self.registry));
        text
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Events in each of the last seconds: a ring that needs no lock.
pub(crate) struct Recent {
    start: Instant,
    seconds: [(AtomicI64, AtomicU64); Self::SECS as usize],
}

impl Recent {
    /// Length of the window.
    pub(crate) const SECS: u64 = 30;

    fn new() -> Self {
        Self {
            start: Instant::now(),
            seconds: std::array::from_fn(|_| (AtomicI64::new(-1), AtomicU64::new(0))),
        }
    }

    fn count(&self) {
        let now = self.start.elapsed().as_secs();
        let (second, events) = &self.seconds[(now % Self::SECS) as usize];
        // Two threads at the turn of a second may lose an event; it is a display.
        if second.swap(now as i64, Ordering::Relaxed) != now as i64 {
            events.store(0, Ordering::Relaxed);
        }
        events.fetch_add(1, Ordering::Relaxed);
    }

    fn per_sec(&self) -> f64 {
        let now = self.start.elapsed();
        let first = now.as_secs() as i64 - Self::SECS as i64;
        let recent = self
            .seconds
            .iter()
            .filter(|(second, _)| second.load(Ordering::Relaxed) > first);
        let events: u64 = recent
            .map(|(_, events)| events.load(Ordering::Relaxed))
            .sum();
        events as f64 / now.as_secs_f64().clamp(1.0, Self::SECS as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_counted_and_named() {
        let metrics = Metrics::new();
        metrics.describe(&[("model", "m@1".to_owned())]);
        metrics.answered("POST", "/v1/detect", 200, Duration::from_millis(3));
        metrics.time(Stage::Detect, || ());
        metrics.looked(2);
        metrics.gallery("default", 3, 4);
        let text = metrics.text();
        for line in [
            r#"prosopon_http_requests_total{method="POST",route="/v1/detect",status="200"} 1"#,
            r#"prosopon_stage_duration_seconds_count{stage="Detect"} 1"#,
            "prosopon_faces_total 2",
            r#"prosopon_gallery_faces{gallery="default"} 4"#,
            r#"prosopon_build_info{model="m@1"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert_eq!(metrics.totals(), (1, 1, 2));
        assert!(metrics.pictures_per_sec() > 0.0);
    }
}
