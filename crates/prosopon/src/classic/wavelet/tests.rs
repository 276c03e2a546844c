//! Wavelets against `PyWavelets`, and what holds for every transform.

use super::*;
use crate::classic::gray::GrayImage;
use crate::classic::testing::{formula, noise};

fn plane(gray: &GrayImage) -> Plane {
    Plane::from(gray)
}

#[test]
fn haar_halves_by_means() {
    let rows = vec![1.0, 3.0, 5.0, 5.0, 2.0, 2.0, 7.0, 1.0];
    let rows = Plane::new(4, 2, rows).unwrap();
    let low = approximation(&rows, Wavelet::Haar, 1);
    // The mean of four values times two, since the filter keeps the norm.
    assert_eq!((low.width(), low.height()), (2, 1));
    for (value, expected) in low.values().iter().zip([4.0, 9.0]) {
        assert!((value - expected).abs() < 1e-12);
    }
}

#[test]
fn filters_are_orthonormal() {
    for wavelet in Wavelet::ALL {
        let filter = wavelet.low_pass();
        for shift in (0..filter.len()).step_by(2) {
            let dot: f64 = filter
                .iter()
                .zip(&filter[shift..])
                .map(|(a, b)| a * b)
                .sum();
            let expected = f64::from(u8::from(shift == 0));
            assert!((dot - expected).abs() < 1e-11, "{wavelet:?} {shift}: {dot}");
        }
        let sum: f64 = filter.iter().sum();
        assert!((sum - std::f64::consts::SQRT_2).abs() < 1e-11);
    }
}

/// `pywt.dwt_max_level(min(sides), wavelet)`, `PyWavelets` 1.9.
#[test]
fn most_levels_are_those_of_pywavelets() {
    for (wavelet, side, expected) in [
        (Wavelet::Haar, 100, 6),
        (Wavelet::Haar, 64, 6),
        (Wavelet::Haar, 1, 0),
        (Wavelet::Db2, 45, 3),
        (Wavelet::Db4, 45, 2),
        (Wavelet::Db4, 13, 0),
    ] {
        assert_eq!(wavelet.max_level(side, 200), expected);
        assert_eq!(wavelet.max_level(200, side), expected);
    }
}

/// The decomposition and its inverse are the identity, whatever the size, filter and depth.
#[test]
fn what_was_decomposed_comes_back() {
    for seed in 0..60 {
        let sides = noise(seed, 2, 1);
        let (width, height) = (
            1 + u32::from(sides.pixels()[0] % 40),
            1 + u32::from(sides.pixels()[1] % 40),
        );
        let picture = plane(&noise(seed, width, height));
        for wavelet in Wavelet::ALL {
            for levels in 1..=4 {
                let back = waverec2(&wavedec2(&picture, wavelet, levels).unwrap());
                assert_eq!((back.width, back.height), (picture.width, picture.height));
                let pairs = back.values.iter().zip(&picture.values);
                let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(
                    largest < 1e-8,
                    "{width} × {height} {wavelet:?} {levels}: {largest}"
                );
            }
        }
    }
}

/// Where no border is doubled the energy stays.
#[test]
fn energy_is_kept() {
    let picture = plane(&noise(8, 32, 32));
    let energy = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>();
    let parts = wavedec2(&picture, Wavelet::Haar, 5).unwrap();
    let found = energy(parts.to_plane().values());
    assert!((found / energy(picture.values()) - 1.0).abs() < 1e-12);
}

/// Some values of `pywt.coeffs_to_array(pywt.wavedec2(a, wavelet, level=2))[0]`, `PyWavelets` 1.9: sides, sum,
/// sum of absolute values, and three values.
#[test]
#[allow(clippy::unreadable_literal, reason = "as the reference prints them")]
fn coefficients_are_those_of_pywavelets() {
    for ((width, height), wavelet, sides, expected) in [
        (
            (64, 64),
            Wavelet::Haar,
            (64, 64),
            [
                128768.00000000006,
                201586.50000000006,
                99.00000000000001,
                184.75000000000009,
                -9.499999999999996,
            ],
        ),
        (
            (37, 45),
            Wavelet::Haar,
            (39, 47),
            [
                58612.50000000002,
                82949.00000000003,
                99.00000000000001,
                184.75000000000009,
                0.0,
            ],
        ),
        (
            (37, 45),
            Wavelet::Db2,
            (42, 50),
            [
                63781.02374804149,
                89208.32770549801,
                43.3900669791137,
                63.72719827668219,
                -3.253284930203606,
            ],
        ),
        (
            (38, 21),
            Wavelet::Db3,
            (47, 31),
            [
                41151.90744229097,
                50179.86603635844,
                68.6491086912246,
                121.51010974898954,
                -4.677265622242834,
            ],
        ),
        (
            (37, 45),
            Wavelet::Db4,
            (50, 58),
            [
                87687.27423228334,
                119397.86181517519,
                122.2120366225956,
                69.6147581339512,
                32.28461576285381,
            ],
        ),
    ] {
        let parts = wavedec2(&plane(&formula(width, height)), wavelet, 2).unwrap();
        let found = parts.to_plane();
        assert_eq!((found.width, found.height), sides, "{wavelet:?}");
        let values = &found.values;
        let found = [
            values.iter().sum(),
            values.iter().map(|v| v.abs()).sum(),
            values[0],
            values[sides.0 + 1],
            values[sides.0 * sides.1 - 1],
        ];
        for (value, expected) in found.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-8, "{wavelet:?} {found:?}");
        }
    }
}

#[test]
fn pictures_use_the_whole_range() {
    let parts = wavedec2(&plane(&noise(3, 21, 16)), Wavelet::Db2, 2).unwrap();
    let (image, plane) = (parts.image(), parts.to_plane());
    assert_eq!(
        (image.width() as usize, image.height() as usize),
        (plane.width, plane.height)
    );
    assert_eq!(image.pixels().iter().max(), Some(&255));
    let flat = Plane::new(4, 4, vec![3.0; 16]).unwrap();
    let image = wavedec2(&flat, Wavelet::Haar, 1).unwrap().image();
    assert_eq!(image.pixels(), [0; 16]);
}

#[test]
fn planes_and_levels_are_checked() {
    assert!(Plane::new(2, 2, vec![0.0; 3]).is_none());
    assert!(Plane::<f64>::new(0, 2, Vec::new()).is_none());
    let dot = Plane::new(1, 1, vec![5.0]).unwrap();
    assert!(wavedec2(&dot, Wavelet::Haar, 0).is_err());
    assert!(wavedec2(&dot, Wavelet::Haar, 33).is_err());
    assert!(wavedec2(&dot, Wavelet::Db4, 32).is_ok());
    assert_eq!(Wavelet::from_name("db1"), Some(Wavelet::Haar));
    assert_eq!(Wavelet::from_name("db9"), None);
}
