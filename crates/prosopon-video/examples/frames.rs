//! What a source gives: its states, its frames once a second, its end.
//!
//! ```text
//! cargo run -p prosopon-video --example frames -- rtsp://camera/live
//! ```

use std::error::Error;
use std::time::Instant;

use prosopon_video::source::{self, Address, SourceOptions, Stop};

fn main() -> Result<(), Box<dyn Error>> {
    let written = std::env::args().nth(1).unwrap_or_else(|| "test:".into());
    let address: Address = written.parse()?;
    let begun = Instant::now();
    let tell = move |state| println!("{:8.3} {state:?}", begun.elapsed().as_secs_f64());
    let options = SourceOptions::default();
    let mut source = match source::open(&address, &options, &Stop::new(), Box::new(tell)) {
        Ok(source) => source,
        Err(error) => {
            println!("error: {error}: {address}");
            println!("hint: {}", error.hint().unwrap_or_default());
            return Ok(());
        }
    };
    println!("{:?}", source.facts());
    let (mut n_frames, mut told) = (0, None::<Instant>);
    loop {
        match source.next() {
            Ok(Some(frame)) => {
                n_frames += 1;
                if told.is_none_or(|told| told.elapsed().as_secs() >= 1) {
                    told = Some(Instant::now());
                    println!(
                        "{:8.3} frame {} at {:.3} s, {:?}, {} dropped",
                        begun.elapsed().as_secs_f64(),
                        frame.index,
                        frame.position.as_secs_f64(),
                        frame.image,
                        source.dropped()
                    );
                }
            }
            Ok(None) => break,
            Err(error) => {
                println!("error: {error}: {address}");
                println!("hint: {}", error.hint().unwrap_or_default());
                break;
            }
        }
    }
    println!("{n_frames} frames, problems: {:?}", source.problems());
    Ok(())
}
