//! What is done to a face before it is used, as it is typed.

use clap::ValueEnum;
use prosopon::prepare::{Contrast, Crop, PrepareOptions};

use crate::failure::{Exit, Failure};

/// What is done to a face.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Face")]
pub(crate) struct FaceArgs {
    /// Which part of the picture
    #[arg(long, value_enum, default_value_t = CropArg::Box)]
    crop: CropArg,
    /// Share of the box to add on each side
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = crate::args::share)]
    margin: f32,
    /// Side, or width and height, in pixels [default: 112 for aligned faces, else as it is]
    #[arg(long, value_name = "PX|WxH", value_parser = crate::args::sides)]
    size: Option<(u32, u32)>,
    /// Drop the colours
    #[arg(long, visible_alias = "grey")]
    gray: bool,
    /// How levels are spread
    #[arg(long, value_enum, default_value_t = ContrastArg::Keep)]
    contrast: ContrastArg,
    /// Take away speckles, by the median of 3 × 3 pixels
    #[arg(long)]
    denoise: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CropArg {
    /// The detector's box
    Box,
    /// A square with eyes, nose and mouth where `ArcFace` has them
    Aligned,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ContrastArg {
    /// As it is
    Keep,
    /// Histogram equalisation
    Equalize,
    /// Adaptive equalisation with limited contrast
    Clahe,
}

impl FaceArgs {
    pub(crate) fn options(&self) -> PrepareOptions {
        PrepareOptions {
            crop: match self.crop {
                CropArg::Box => Crop::Box {
                    margin: self.margin,
                },
                CropArg::Aligned => Crop::Aligned,
            },
            size: self.size,
            denoise: self.denoise,
            contrast: match self.contrast {
                ContrastArg::Keep => Contrast::Keep,
                ContrastArg::Equalize => Contrast::Equalize,
                ContrastArg::Clahe => Contrast::Clahe,
            },
            gray: self.gray,
        }
    }

    /// Whether landmarks are needed.
    pub(crate) fn is_aligned(&self) -> bool {
        self.crop == CropArg::Aligned
    }

    /// Whether the options go together.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_aligned() && self.margin > 0.0 {
            let message = "--margin is for --crop box: aligned faces have their own frame";
            return Err(Failure::new(Exit::Usage, "usage", message));
        }
        Ok(())
    }
}
