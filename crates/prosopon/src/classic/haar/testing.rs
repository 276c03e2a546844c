//! A small cascade for tests: bright squares in dark surroundings.

/// Window of 6 × 6. The first stage wants the middle brighter than the whole, the second a tree of two nodes
/// with a tilted feature.
pub(crate) const SPOT: &str = r#"<?xml version="1.0"?>
<!-- a spot -- with two hyphens, as in smile.xml -->
<opencv_storage>
<cascade type_id="opencv-cascade-classifier"><stageType>BOOST</stageType>
  <featureType>HAAR</featureType>
  <height>6</height>
  <width>6</width>
  <stageParams><maxWeakCount>1</maxWeakCount></stageParams>
  <featureParams><maxCatCount>0</maxCatCount></featureParams>
  <stageNum>2</stageNum>
  <stages>
    <_>
      <maxWeakCount>1</maxWeakCount>
      <stageThreshold>0.5</stageThreshold>
      <weakClassifiers>
        <_>
          <internalNodes>0 -1 0 2.0e-01</internalNodes>
          <leafValues>-1. 1.</leafValues></_></weakClassifiers></_>
    <_>
      <maxWeakCount>1</maxWeakCount>
      <stageThreshold>0.25</stageThreshold>
      <weakClassifiers>
        <_>
          <internalNodes>1 0 0 -1.0 -1 -2 1 -1.0</internalNodes>
          <leafValues>0.75 -1. 0.5</leafValues></_></weakClassifiers></_></stages>
  <features>
    <_>
      <rects>
        <_>0 0 6 6 -1.</_>
        <_>2 2 2 2 9.</_></rects>
      <tilted>0</tilted></_>
    <_>
      <rects>
        <_>3 0 2 2 -1.</_>
        <_>3 2 1 1 4.</_></rects>
      <tilted>1</tilted></_></features></cascade>
</opencv_storage>
"#;
