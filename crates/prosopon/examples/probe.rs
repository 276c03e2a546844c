use prosopon::inference::*;
use prosopon::model::*;
use prosopon::*;
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let backend = match args[1].as_str() {
        "ov" => BackendChoice::OpenVino,
        _ => BackendChoice::Rten,
    };
    let precision = match args[2].as_str() {
        "f32" => Precision::F32,
        _ => Precision::Auto,
    };
    let streams: usize = args[3].parse().unwrap();
    let side: u32 = args[4].parse().unwrap();
    let t = Instant::now();
    let rt = Runtime::open(&InferenceOptions {
        backend,
        precision,
        threads: 2,
        streams,
        openvino_dir: Some("/tmp/ov/openvino/libs".into()),
    })
    .unwrap();
    println!("{:?} {:?}", rt.info(), t.elapsed());
    let det = std::fs::read("/tmp/m/scrfd-0.3.0/models/scrfd.onnx").unwrap();
    let emb = std::fs::read("/tmp/m/package/model/fr_feature.onnx").unwrap();
    let n = |o, m, s| Normalization {
        channel_order: o,
        mean: [m; 3],
        scale: [s; 3],
        layout: Layout::Nchw,
    };
    let d = detect::load(
        &rt,
        &det,
        &DetectorSpec {
            family: DetectorFamily::Scrfd,
            width: side,
            height: side,
            normalization: n(ChannelOrder::Rgb, 127.5, 1. / 128.),
        },
    )
    .unwrap();
    let e = NetworkEmbedder::load(
        &rt,
        &emb,
        EmbedderSpec {
            crop_size: 112,
            normalization: n(ChannelOrder::Bgr, 127., 1. / 128.),
            reference_points: None,
        },
        ModelId::new("x"),
    )
    .unwrap();
    println!("load {:?}", t.elapsed());
    let engine = FaceEngine::new(d, Box::new(e), EngineOptions::default());
    for f in &args[5..] {
        let im = ::image::open(f).unwrap().to_rgb8();
        let im = Image::from_rgb(im.width(), im.height(), im.into_raw()).unwrap();
        for _ in 0..5 {
            let t = Instant::now();
            let dets = engine.detect(&im).unwrap();
            let td = t.elapsed();
            let t = Instant::now();
            let crops: Vec<_> = dets.iter().map(|d| engine.align(&im, d).unwrap()).collect();
            let ta = t.elapsed();
            let t = Instant::now();
            let embs = engine.embed(&crops).unwrap();
            println!(
                "{f} {} faces detect {:?} align {:?} embed {:?}",
                embs.len(),
                td,
                ta,
                t.elapsed()
            );
        }
        for d in engine.detect(&im).unwrap().iter().take(3) {
            println!("{:?}", d);
        }
        let v = engine.analyze(&im).unwrap();
        if let Some(f) = v.first() {
            println!("{:?}", &f.embedding.values()[..5]);
        }
    }
}
