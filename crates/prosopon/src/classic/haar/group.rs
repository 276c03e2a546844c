//! From windows to faces: windows that lie on each other are one hit, at their mean.

use super::CascadeHit;

/// Two windows belong together if their edges differ by less than this share of their size.
const EPSILON: f64 = 0.2;

/// What is known of a group while it is put together.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    sums: [i64; 4],
    neighbors: u32,
    reject_level: u32,
    level_weight: f64,
}

/// Puts windows into groups and keeps those of more than `min_neighbors` windows that do not lie in a
/// larger group. With 0 every window stays as it is.
///
/// Groups come in the order of their first windows, as from `OpenCV`'s `groupRectangles`.
pub(super) fn group(windows: Vec<CascadeHit>, min_neighbors: u32) -> Vec<CascadeHit> {
    if min_neighbors == 0 {
        return windows;
    }
    let groups: Vec<CascadeHit> = sum_up(&windows).iter().map(mean).collect();
    let is_large = |hit: &CascadeHit| hit.neighbors > min_neighbors;
    let large: Vec<CascadeHit> = groups.into_iter().filter(is_large).collect();
    let is_inside_another = |i: usize| {
        let others = large.iter().enumerate().filter(|(j, _)| *j != i);
        let mut others = others.map(|(_, other)| other);
        others.any(|other| lies_in(&large[i], other))
    };
    (0..large.len())
        .filter(|i| !is_inside_another(*i))
        .map(|i| large[i])
        .collect()
}

fn sum_up(windows: &[CascadeHit]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (window, label) in windows.iter().zip(labels(windows)) {
        if label == groups.len() {
            groups.push(Group::default());
        }
        let group = &mut groups[label];
        for (sum, side) in group.sums.iter_mut().zip(sides(window)) {
            *sum += side;
        }
        group.neighbors += 1;
        let is_first = group.neighbors == 1;
        if is_first || window.reject_level > group.reject_level {
            group.reject_level = window.reject_level;
            group.level_weight = window.level_weight;
        } else if window.reject_level == group.reject_level {
            group.level_weight = group.level_weight.max(window.level_weight);
        }
    }
    groups
}

fn sides(hit: &CascadeHit) -> [i64; 4] {
    [hit.left, hit.top, hit.width, hit.height].map(i64::from)
}

fn mean(group: &Group) -> CascadeHit {
    // In single precision, ties to even, as OpenCV does.
    let share = 1.0 / group.neighbors as f32;
    let [left, top, width, height] = group
        .sums
        .map(|sum| (sum as f32 * share).round_ties_even() as u32);
    CascadeHit {
        left,
        top,
        width,
        height,
        neighbors: group.neighbors,
        reject_level: group.reject_level,
        level_weight: group.level_weight,
    }
}

/// Whether `inner` lies in `outer`, or nearly, and has fewer windows.
fn lies_in(inner: &CascadeHit, outer: &CascadeHit) -> bool {
    let [x, y, width, height] = sides(inner);
    let [outer_x, outer_y, outer_width, outer_height] = sides(outer);
    let margin = |side: i64| (side as f64 * EPSILON).round_ties_even() as i64;
    let (dx, dy) = (margin(outer_width), margin(outer_height));
    x >= outer_x - dx
        && y >= outer_y - dy
        && x + width <= outer_x + outer_width + dx
        && y + height <= outer_y + outer_height + dy
        && (outer.neighbors > inner.neighbors.max(3) || inner.neighbors < 3)
}

fn are_similar(a: &CascadeHit, b: &CascadeHit) -> bool {
    let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (sides(a), sides(b));
    let delta = EPSILON * (aw.min(bw) + ah.min(bh)) as f64 * 0.5;
    let near = |a: i64, b: i64| (a - b).abs() as f64 <= delta;
    near(ax, bx) && near(ay, by) && near(ax + aw, bx + bw) && near(ay + ah, by + bh)
}

/// The number of each window's group: windows that are similar, or joined by others that are, have the
/// same. Groups are numbered by their first windows.
fn labels(windows: &[CascadeHit]) -> Vec<usize> {
    let mut labels = vec![usize::MAX; windows.len()];
    let mut n_groups = 0;
    let mut to_visit = Vec::new();
    for start in 0..windows.len() {
        if labels[start] != usize::MAX {
            continue;
        }
        labels[start] = n_groups;
        to_visit.push(start);
        while let Some(place) = to_visit.pop() {
            for (other, window) in windows.iter().enumerate() {
                if labels[other] == usize::MAX && are_similar(&windows[place], window) {
                    labels[other] = n_groups;
                    to_visit.push(other);
                }
            }
        }
        n_groups += 1;
    }
    labels
}

/// The part of each hit that lies in a picture of `width × height`; those outside are dropped.
pub(super) fn clip(hits: Vec<CascadeHit>, (width, height): (u32, u32)) -> Vec<CascadeHit> {
    let clipped = |mut hit: CascadeHit| {
        hit.width = hit.width.min(width.saturating_sub(hit.left));
        hit.height = hit.height.min(height.saturating_sub(hit.top));
        (hit.width > 0 && hit.height > 0).then_some(hit)
    };
    hits.into_iter().filter_map(clipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(left: u32, top: u32, side: u32, level_weight: f64) -> CascadeHit {
        CascadeHit {
            left,
            top,
            width: side,
            height: side,
            neighbors: 1,
            reject_level: 5,
            level_weight,
        }
    }

    #[test]
    fn similar_windows_are_one_hit_at_their_mean() {
        let windows = vec![
            window(100, 100, 40, 1.0),
            window(10, 10, 20, 0.5),
            window(102, 101, 40, 3.0),
            window(101, 103, 42, 2.0),
        ];
        let hits = group(windows.clone(), 2);
        assert_eq!(hits.len(), 1);
        let hit = hits[0];
        assert_eq!((hit.left, hit.top, hit.width), (101, 101, 41));
        assert_eq!((hit.neighbors, hit.level_weight), (3, 3.0));
        assert_eq!(group(windows.clone(), 0), windows, "all of them");
        assert!(group(windows, 3).is_empty(), "more than three are needed");
    }

    #[test]
    fn a_chain_is_one_group() {
        let windows: Vec<_> = (0..10).map(|i| window(i * 4, 0, 40, 0.0)).collect();
        let hits = group(windows, 1);
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].neighbors, 10);
        assert_eq!(hits[0].left, 18);
    }

    #[test]
    fn a_group_inside_of_a_larger_one_is_dropped() {
        let mut windows = vec![window(20, 20, 10, 0.0); 3];
        windows.extend(vec![window(0, 0, 60, 0.0); 5]);
        let hits = group(windows.clone(), 2);
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].width, 60);
        windows.extend(vec![window(20, 20, 10, 0.0); 3]);
        assert_eq!(group(windows, 2).len(), 2, "not if it has more windows");
    }

    #[test]
    fn hits_end_at_the_border() {
        let hits = clip(
            vec![window(90, 0, 20, 0.0), window(100, 0, 20, 0.0)],
            (100, 50),
        );
        assert_eq!(hits.len(), 1);
        assert_eq!((hits[0].width, hits[0].height), (10, 20));
    }
}
