//! The lists of WIDER FACE (Yang et al. 2016).

use super::truth::{LabelledBox, LabelledPicture, TruthError, number, sized_box};

/// Which of a face's values says that the set itself does not count it.
const INVALID: usize = 7;

/// Reads a path, a number of faces, and so many lines of values, again and again. A picture without
/// faces has one line of zeros, as the set itself has it, or none.
pub(super) fn parse(text: &str) -> Result<Vec<LabelledPicture>, TruthError> {
    let mut lines = (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty())
        .peekable();
    let mut pictures = Vec::new();
    while let Some((at, path)) = lines.next() {
        let wrong = |line, expected| TruthError::Line { line, expected };
        let (line, count) = lines
            .next()
            .ok_or(wrong(at, "the number of faces after it"))?;
        let n_faces: usize = count
            .parse()
            .map_err(|_| wrong(line, "the number of faces of the picture above"))?;
        let mut faces = Vec::new();
        for _ in 0..n_faces {
            let (line, values) = lines
                .next()
                .ok_or(wrong(line, "as many faces as it says"))?;
            faces.push(face(values).ok_or(wrong(line, "left, top, width and height of a face"))?);
        }
        if n_faces == 0 {
            lines.next_if(|(_, line)| face(line).is_some_and(|f| f.bounding_box.area() == 0.0));
        }
        pictures.push(LabelledPicture {
            path: path.to_owned(),
            faces,
        });
    }
    Ok(pictures)
}

fn face(line: &str) -> Option<LabelledBox> {
    let values: Vec<f32> = line.split_whitespace().map(number).collect::<Option<_>>()?;
    let [left, top, width, height, ..] = values[..] else {
        return None;
    };
    Some(LabelledBox {
        bounding_box: sized_box(left, top, width.max(0.0), height.max(0.0)),
        ignored: values.get(INVALID) == Some(&1.0) || width <= 0.0 || height <= 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::super::truth::{TruthFormat, parse};
    use super::*;

    const LIST: &str = "0--Parade/0_Parade_marchingband_1_849.jpg
1
449 330 122 149 0 0 0 0 0 0
0--Parade/empty.jpg
0
0 0 0 0 0 0 0 0 0 0
0--Parade/two.jpg
2
10 20 30 40 2 0 0 1 0 0
5 5 0 7 0 0 0 0 0 0
";

    #[test]
    fn pictures_and_boxes_are_read() {
        assert_eq!(TruthFormat::of(LIST), TruthFormat::Wider);
        let pictures = parse(LIST, TruthFormat::Wider).unwrap();
        assert_eq!(pictures.len(), 3);
        let face = pictures[0].faces[0];
        assert_eq!(
            (face.bounding_box.right, face.bounding_box.bottom),
            (571.0, 479.0)
        );
        assert!(!face.ignored);
        assert!(pictures[1].faces.is_empty());
        assert!(pictures[2].faces.iter().all(|face| face.ignored));
        assert_eq!(pictures[2].faces.len(), 2);
    }

    #[test]
    fn lists_that_do_not_fit_name_the_line() {
        let line = |text: &str| match parse(text, TruthFormat::Wider) {
            Err(TruthError::Line { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line("a.jpg\n"), 1);
        assert_eq!(line("a.jpg\nmany\n"), 2);
        assert_eq!(line("a.jpg\n99999999999999\n1 2 3 4\n"), 2);
        assert_eq!(line("a.jpg\n1\n1 2 3\n"), 3);
        assert_eq!(line("a.jpg\n1\n1 2 3 x\n"), 3);
    }
}
