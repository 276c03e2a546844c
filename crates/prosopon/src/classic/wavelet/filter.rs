//! The wavelets and the tables of their filters.

use super::plane::Real;

/// An orthogonal wavelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wavelet {
    /// Means and differences of two neighbours; also known as db1.
    #[default]
    Haar,
    /// Daubechies' wavelet with two vanishing moments.
    Db2,
    /// With three.
    Db3,
    /// With four.
    Db4,
}

impl Wavelet {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Haar, Self::Db2, Self::Db3, Self::Db4];

    /// Its name, as `PyWavelets` has it: `haar`, `db2` …
    pub fn name(self) -> &'static str {
        match self {
            Self::Haar => "haar",
            Self::Db2 => "db2",
            Self::Db3 => "db3",
            Self::Db4 => "db4",
        }
    }

    /// The wavelet with this name; `db1` is `haar`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "db1" { "haar" } else { name };
        Self::ALL.into_iter().find(|wavelet| wavelet.name() == name)
    }

    /// The low-pass filter of the decomposition, whose squares add up to 1. The values are those of `PyWavelets`
    /// 1.9 to the last bit; older tables have some ten digits.
    pub(super) fn low_pass(self) -> &'static [f64] {
        match self {
            Self::Haar => &[std::f64::consts::FRAC_1_SQRT_2; 2],
            Self::Db2 => &[
                -0.129_409_522_551_260_37,
                0.224_143_868_042_013_4,
                0.836_516_303_737_807_9,
                0.482_962_913_144_534_16,
            ],
            Self::Db3 => &[
                0.035_226_291_885_709_53,
                -0.085_441_273_882_026_66,
                -0.135_011_020_010_254_58,
                0.459_877_502_118_491_54,
                0.806_891_509_311_092_5,
                0.332_670_552_950_082_63,
            ],
            Self::Db4 => &[
                -0.010_597_401_785_069_032,
                0.032_883_011_666_885_2,
                0.030_841_381_835_560_764,
                -0.187_034_811_719_093_09,
                -0.027_983_769_416_859_854,
                0.630_880_767_929_858_9,
                0.714_846_570_552_915_7,
                0.230_377_813_308_896_5,
            ],
        }
    }

    /// How often a picture can be halved before every value has seen its border: `pywt.dwt_max_level` of the
    /// shorter side.
    pub fn max_level(self, width: u32, height: u32) -> u32 {
        let reach = self.low_pass().len() as u32 - 1;
        (width.min(height) / reach).checked_ilog2().unwrap_or(0)
    }

    pub(super) fn filters<T: Real>(self) -> Filters<T> {
        let low = self.low_pass();
        let signs = [-1.0, 1.0].into_iter().cycle();
        let high: Vec<f64> = low
            .iter()
            .rev()
            .zip(signs)
            .map(|(f, sign)| f * sign)
            .collect();
        let typed =
            |values: &mut dyn Iterator<Item = &f64>| values.map(|v| T::from_f64(*v)).collect();
        Filters {
            low: typed(&mut low.iter()),
            high: typed(&mut high.iter()),
            low_back: typed(&mut low.iter().rev()),
            high_back: typed(&mut high.iter().rev()),
        }
    }
}

/// Low-pass and high-pass filters, and those of the way back.
pub(super) struct Filters<T> {
    pub(super) low: Vec<T>,
    pub(super) high: Vec<T>,
    pub(super) low_back: Vec<T>,
    pub(super) high_back: Vec<T>,
}
