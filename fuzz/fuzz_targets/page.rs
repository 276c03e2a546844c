//! Whatever a web page holds, the pictures found on it are addresses that may be asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fetch::{Location, pictures_of};
use prosopon_fuzz::begin;

const PAGE: &str = r#"<!doctype html><base href="/b/"><meta property="og:image" content="o.jpg"><link rel="image_src" href="//h.example/l.png">
<img src="a.jpg" srcset="a-2.jpg 2x, a-640.jpg 640w" data-src="later.webp"><a href="../c.png?x=1#y">c</a>
<picture><source type="image/avif" srcset="n.avif"><source srcset="p.webp 1x, p2.webp 2x"><img src="p.jpg"></picture>
<noscript><img src='n.gif'></noscript><script>"<img src=no.jpg>"</script><img src="data:image/png;base64,AA==">"#;

fn seeds() -> Vec<&'static str> {
    vec![
        PAGE,
        "<a href='http://[::1]:8080/a.jpg'>",
        "<img srcset=', , x 1e9w,y -1x'>",
    ]
}

fuzz_target!(init: begin(seeds), |html: &[u8]| {
    let at = Location::parse("https://a.example/x/page.html?q#f").expect("an address");
    for found in pictures_of(html, &at) {
        let written = found.to_string();
        assert!(written.starts_with("http://") || written.starts_with("https://"), "{written}");
        let again = Location::parse(&written).expect("an address of our own");
        assert_eq!(again, found);
    }
});
