//! Lists that dlib's tools write.

use roxmltree::{Document, Node, ParsingOptions};

use super::truth::{LabelledBox, LabelledPicture, TruthError, number, sized_box};

/// Elements and texts of one file: the largest list of faces that dlib publishes has half a million
/// (6,666 faces of 68 points).
const MAX_NODES: u32 = 20_000_000;

/// Reads `<image file='…'>` elements and their boxes, wherever in the document they stand. Documents
/// that declare entities are refused: none of dlib's do.
pub(super) fn parse(text: &str) -> Result<Vec<LabelledPicture>, TruthError> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options)?;
    document
        .descendants()
        .filter(|node| node.has_tag_name("image"))
        .map(|image| {
            let wrong = |expected| error(&image, expected);
            let path = image.attribute("file").filter(|path| !path.is_empty());
            let boxes = image.children().filter(|node| node.has_tag_name("box"));
            Ok(LabelledPicture {
                path: path
                    .ok_or_else(|| wrong("the attribute `file`"))?
                    .to_owned(),
                faces: boxes
                    .map(|node| labelled(&node))
                    .collect::<Result<_, _>>()?,
            })
        })
        .collect()
}

fn labelled(node: &Node<'_, '_>) -> Result<LabelledBox, TruthError> {
    let value = |name: &str, expected| {
        let value = node.attribute(name).and_then(number);
        value.ok_or_else(|| error(node, expected))
    };
    let left = value("left", "a number in `left`")?;
    let top = value("top", "a number in `top`")?;
    let width = value("width", "a number in `width`")?;
    let height = value("height", "a number in `height`")?;
    if width < 0.0 || height < 0.0 {
        return Err(error(node, "sides that are not negative"));
    }
    Ok(LabelledBox {
        bounding_box: sized_box(left, top, width, height),
        ignored: node.attribute("ignore") == Some("1"),
    })
}

fn error(node: &Node<'_, '_>, expected: &'static str) -> TruthError {
    let position = node.document().text_pos_at(node.range().start);
    TruthError::Line {
        line: position.row as usize,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::super::truth::{TruthFormat, parse};

    const LIST: &str = "<?xml version='1.0' encoding='ISO-8859-1'?>
<?xml-stylesheet type='text/xsl' href='image_metadata_stylesheet.xsl'?>
<dataset>
<name>Faces &amp; others</name>
<images>
  <image file='a.jpg' width='500' height='332'>
    <box top='181' left='274' width='52' height='53'>
      <part name='00' x='277' y='194'/>
    </box>
    <box top='1' left='2' width='3' height='4' ignore='1'/>
  </image>
  <image file='b &amp; c.jpg'/>
</images>
</dataset>";

    #[test]
    fn pictures_and_boxes_are_read() {
        assert_eq!(TruthFormat::of(LIST), TruthFormat::Dlib);
        let pictures = parse(LIST, TruthFormat::Dlib).unwrap();
        assert_eq!(pictures.len(), 2);
        let face = pictures[0].faces[0];
        assert_eq!(
            (face.bounding_box.left, face.bounding_box.bottom),
            (274.0, 234.0)
        );
        assert!(!face.ignored && pictures[0].faces[1].ignored);
        assert_eq!(pictures[1].path, "b & c.jpg");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let bad = LIST.replace("left='274'", "left='x'");
        let error = parse(&bad, TruthFormat::Dlib).unwrap_err().to_string();
        assert!(
            error.contains("line 7") && error.contains("`left`"),
            "{error}"
        );
        let bad = LIST.replace("file='a.jpg'", "name='a.jpg'");
        let error = parse(&bad, TruthFormat::Dlib).unwrap_err().to_string();
        assert!(
            error.contains("line 6") && error.contains("`file`"),
            "{error}"
        );
        assert!(parse("<dataset/>", TruthFormat::Dlib).is_err());
        assert!(parse("<dataset>", TruthFormat::Dlib).is_err());
    }

    /// A list can come from anywhere; a small one must not take all memory, nor all of the stack.
    #[test]
    fn bombs_do_no_harm() {
        let laughs = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><d>&b;</d>";
        assert!(parse(laughs, TruthFormat::Dlib).is_err());
        let outside =
            "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><d><image file='&a;'/></d>";
        assert!(parse(outside, TruthFormat::Dlib).is_err());
        let deep = "<a>".repeat(200_000) + &"</a>".repeat(200_000);
        assert!(parse(&deep, TruthFormat::Dlib).is_err());
    }
}
