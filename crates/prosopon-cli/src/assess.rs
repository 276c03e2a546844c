//! What is said of a face beside where it is and whose: quality, and attributes that were asked for.

use prosopon::quality::assess_detection;
use prosopon::{AttributeNetworks, Attributes, Detection, Image, Quality};

use crate::failure::Failure;

/// What is said of one face.
pub(crate) struct Assessment {
    pub(crate) quality: Quality,
    /// None if none was asked for.
    pub(crate) attributes: Option<Attributes>,
}

/// Judges the faces of a picture, with networks if any were asked for.
pub(crate) fn assess_all(
    image: &Image,
    detections: &[Detection],
    networks: Option<&AttributeNetworks>,
) -> Result<Vec<Assessment>, Failure> {
    let attributes = match networks {
        Some(networks) => networks
            .estimate(image, detections)?
            .into_iter()
            .map(Some)
            .collect(),
        None => vec![None; detections.len()],
    };
    let faces = detections.iter().zip(attributes);
    faces
        .map(|(detection, attributes)| {
            Ok(Assessment {
                quality: assess_detection(image, detection, attributes.as_ref())?,
                attributes,
            })
        })
        .collect()
}

/// `, looks 12° to the right and 3° down, left eye open, …`: nothing of what was not estimated.
pub(crate) fn describe(attributes: &Attributes) -> String {
    let mut text = String::new();
    if let Some(pose) = &attributes.pose {
        text += &format!(
            ", yaw {:.0}° pitch {:.0}° roll {:.0}°",
            pose.yaw, pose.pitch, pose.roll
        );
    }
    if let Some(eyes) = &attributes.eyes {
        text += &format!(
            ", eyes open {:.2} and {:.2}",
            eyes.left_open, eyes.right_open
        );
    }
    if let Some(liveness) = attributes.liveness {
        text += &format!(", liveness {liveness:.2}");
    }
    if let Some(age) = attributes.age {
        text += &format!(", about {age:.0} years");
    }
    if let Some(gender) = &attributes.gender {
        text += &format!(", {} ({:.2})", gender.label.name(), gender.score);
    }
    if let Some(expression) = &attributes.expression {
        let share = expression.scores.get(&expression.label).unwrap_or(&0.0);
        text += &format!(", {} ({share:.2})", expression.label.name());
    }
    if let Some(points) = &attributes.landmarks {
        text += &format!(", {} landmarks", points.len());
    }
    text
}
