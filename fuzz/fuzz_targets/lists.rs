//! Lists of pairs, groups, labelled faces and gates, as `prosopon evaluate` reads them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon::evaluate::detection::truth::{self, TruthFormat};
use prosopon::evaluate::gate::{Gate, Metric};
use prosopon::evaluate::grouping::Grouping;
use prosopon::evaluate::groups::GroupList;
use prosopon::evaluate::pairs::PairList;
use prosopon_fuzz::begin;

const SEEDS: [&str; 9] = [
    "2\t2\nanna\t1\t2\nanna\t1\tbert\t1\nbert\t1\t2\nanna\t2\tbert\t2\n",
    "1\nanna\t1\t2\nanna\t1\tbert\t1\n",
    "identity,group\nanna,young\nbert/2.jpg,old\n",
    "path,group\na.jpg,1\n\"b, c.jpg\",2\n",
    r#"{"groups": [{"faces": [{"path": "a.jpg", "bounding_box": {"left": 1, "top": 2, "right": 3, "bottom": 4}}]}]}"#,
    "<dataset><images><image file='a.jpg'><box top='1' left='2' width='3' height='4' ignore='1'/></image></images></dataset>",
    "a/b.jpg\n1\n1 2 3 4 0 0 0 0 0 0\nc.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n",
    "path,left,top,right,bottom\na.jpg,1,2,3.5,4,1\nb.jpg\n",
    "fnmr@fmr=0.001 <= 0.02",
];

fuzz_target!(init: begin(|| SEEDS.to_vec()), |text: &str| {
    if let Ok(list) = PairList::parse(text) {
        list.pictures();
    }
    let _ = Grouping::parse(text);
    if let Ok(groups) = GroupList::parse(text) {
        groups.group("anna", "anna/a.jpg");
    }
    let _ = truth::parse(text, TruthFormat::of(text));
    for format in [TruthFormat::Dlib, TruthFormat::Wider, TruthFormat::Csv] {
        let _ = truth::parse(text, format);
    }
    let known = [Metric::at("fnmr", "fmr"), Metric::new("accuracy")];
    if let Ok(gate) = Gate::parse(text, &known) {
        gate.judge(&[("accuracy".to_owned(), 0.95)]);
    }
});
