//! Made-up templates for tests and benchmarks; the same seed gives the same numbers everywhere.

/// A small random number generator (`SplitMix64`, Steele et al. 2014); not for secrets.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// A number in (0, 1].
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A number of the standard normal distribution (Box and Muller 1958).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.uniform()).cos()) as f32
    }

    /// A random direction: `dim` values of length 1.
    pub fn unit_vector(&mut self, dim: usize) -> Vec<f32> {
        let mut values: Vec<f32> = (0..dim).map(|_| self.normal()).collect();
        scale_to_unit(&mut values);
        values
    }

    /// A direction near `center`: a Gaussian cloud around it, scaled to length 1.
    ///
    /// The expected cosine with `center` is about `1 / √(1 + spread²)`; two vectors around one
    /// center have about `1 / (1 + spread²)`.
    pub fn near(&mut self, center: &[f32], spread: f32) -> Vec<f32> {
        let deviation = spread / (center.len() as f32).sqrt();
        let mut values: Vec<f32> = center
            .iter()
            .map(|c| c + deviation * self.normal())
            .collect();
        scale_to_unit(&mut values);
        values
    }
}

/// `n_faces` unit vectors one after another, `faces_per_subject` around each random center.
///
/// Row `i` belongs to subject `i / faces_per_subject`. A `spread` of 1 gives genuine similarities
/// of about 0.5, as the default embedder has on photographs.
pub fn clustered(
    seed: u64,
    n_faces: usize,
    faces_per_subject: usize,
    dim: usize,
    spread: f32,
) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    let mut rows = Vec::with_capacity(n_faces * dim);
    let mut center = Vec::new();
    for i in 0..n_faces {
        if i % faces_per_subject == 0 {
            center = rng.unit_vector(dim);
        }
        rows.extend(rng.near(&center, spread));
    }
    rows
}

/// `n_faces` random unit vectors one after another.
pub fn random(seed: u64, n_faces: usize, dim: usize) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..n_faces).flat_map(|_| rng.unit_vector(dim)).collect()
}

fn scale_to_unit(values: &mut [f32]) {
    let norm = values
        .iter()
        .map(|&v| f64::from(v) * f64::from(v))
        .sum::<f64>()
        .sqrt();
    for value in values {
        *value = (f64::from(*value) / norm) as f32;
    }
}
