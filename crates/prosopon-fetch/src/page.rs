//! The pictures that a web page shows or links to.

use std::collections::BTreeSet;

use html5gum::{HtmlString, StartTag, Token, Tokenizer, naive_next_state};
use percent_encoding::percent_encode_byte;

use crate::location::Location;

/// Most pictures of one page; more are a mistake, or made to keep us busy.
const MAX_PICTURES: usize = 10_000;

/// Endings by which a link is taken for one to a picture.
const ENDINGS: [&str; 11] = [
    "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "pnm", "tif", "tiff", "webp",
];

/// Attributes in which pages keep the address until the picture is scrolled to.
const LATER: [&str; 3] = ["data-src", "data-original", "data-lazy-src"];

/// Addresses of the pictures on a page at `at`, in their order, each once: `<img>` and `<picture>`
/// (the largest of the variants that can be read), the picture that stands for the page
/// (`og:image`, `twitter:image`, `image_src`), and links to pictures. References are relative to the
/// page, or to its `<base>`. What is no address of the web (`data:`) is left out.
pub fn pictures_of(html: &[u8], at: &Location) -> Vec<Location> {
    let mut page = Page {
        base: at.clone(),
        has_base: false,
        in_picture: false,
        best: None,
        found: Vec::new(),
        seen: BTreeSet::new(),
    };
    let mut tokens = Tokenizer::new(html);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                // Scripts and styles are no markup. What is there for browsers without scripts is: it
                // often has the picture that a script shows later.
                if &**tag.name != b"noscript"
                    && let Some(state) = naive_next_state(&tag.name)
                {
                    tokens.set_state(state);
                }
                page.begin(&Tag(tag));
            }
            Token::EndTag(tag) if &**tag.name == b"picture" => page.end_picture(),
            _ => {}
        }
        if page.found.len() == MAX_PICTURES {
            break;
        }
    }
    page.end_picture();
    page.found
}

struct Page {
    base: Location,
    has_base: bool,
    in_picture: bool,
    /// The best variant so far of the `<picture>` that is open.
    best: Option<Variant>,
    found: Vec<Location>,
    seen: BTreeSet<String>,
}

/// One of several files of a picture.
struct Variant {
    reference: String,
    /// Width in pixels, or density; more is better, widths are better than densities.
    size: (Option<u32>, f32),
}

struct Tag(StartTag<()>);

impl Tag {
    /// The value of an attribute, if it is there and not empty.
    fn get(&self, name: &str) -> Option<String> {
        let value = self.0.attributes.get(name.as_bytes())?;
        let value: &HtmlString = &value.value;
        let text = String::from_utf8_lossy(value).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn is(&self, name: &str, values: &[&str]) -> bool {
        let value = self.get(name).unwrap_or_default().to_lowercase();
        value.split_whitespace().any(|v| values.contains(&v))
    }
}

impl Page {
    fn begin(&mut self, tag: &Tag) {
        match &**tag.0.name {
            b"base" if !self.has_base => {
                // The first one counts, for the whole page.
                if let Some(base) = tag.get("href").and_then(|to| self.resolved(&to)) {
                    self.base = base;
                    self.has_base = true;
                }
            }
            b"picture" => {
                self.end_picture();
                self.in_picture = true;
            }
            b"source" if self.in_picture && can_be_read(tag) => {
                if let Some(variant) = best_of_set(tag) {
                    self.offer(variant);
                }
            }
            b"img" => {
                if let Some(variant) = shown(tag) {
                    self.offer(variant);
                }
            }
            b"meta" => {
                let names = [
                    "og:image",
                    "og:image:url",
                    "og:image:secure_url",
                    "twitter:image",
                ];
                if (tag.is("property", &names) || tag.is("name", &names))
                    && let Some(reference) = tag.get("content")
                {
                    self.push(&reference);
                }
            }
            b"link" if tag.is("rel", &["image_src"]) => {
                if let Some(reference) = tag.get("href") {
                    self.push(&reference);
                }
            }
            b"a" | b"area" => {
                if let Some(reference) = tag.get("href").filter(|to| is_picture(to)) {
                    self.push(&reference);
                }
            }
            _ => {}
        }
    }

    /// A variant of the picture that is open, or a picture of its own.
    fn offer(&mut self, variant: Variant) {
        if !self.in_picture {
            self.push(&variant.reference);
        } else if self
            .best
            .as_ref()
            .is_none_or(|best| variant.size > best.size)
        {
            // The first of equals stays: pages name the better format first.
            self.best = Some(variant);
        }
    }

    fn end_picture(&mut self) {
        self.in_picture = false;
        if let Some(best) = self.best.take() {
            self.push(&best.reference);
        }
    }

    fn push(&mut self, reference: &str) {
        if let Some(location) = self.resolved(reference)
            && self.seen.insert(location.to_string())
        {
            self.found.push(location);
        }
    }

    fn resolved(&self, reference: &str) -> Option<Location> {
        self.base.joined(&encoded(reference)).ok()
    }
}

/// Whether a `<source>` says nothing, or that it has a format that is read here.
fn can_be_read(tag: &Tag) -> bool {
    let Some(kind) = tag.get("type") else {
        return true;
    };
    let kind = kind.to_lowercase();
    ["jpeg", "jpg", "png", "webp", "gif", "bmp", "tiff"]
        .iter()
        .any(|known| kind == format!("image/{known}"))
}

/// What an `<img>` shows: the largest of its set, else its source.
fn shown(tag: &Tag) -> Option<Variant> {
    best_of_set(tag).or_else(|| {
        let later = LATER.iter().find_map(|name| tag.get(name));
        Some(Variant {
            reference: later.or_else(|| tag.get("src"))?,
            size: (None, 1.0),
        })
    })
}

/// The largest variant of a `srcset` (HTML, section 4.8.4.3.10): addresses, each with a width such as
/// `800w` or a density such as `2x`, divided by commas.
fn best_of_set(tag: &Tag) -> Option<Variant> {
    let set = tag.get("srcset").or_else(|| tag.get("data-srcset"))?;
    let mut rest = set.as_str();
    let mut best: Option<Variant> = None;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if rest.is_empty() {
            return best;
        }
        // An address may have commas inside, but not at its end.
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let reference = word.trim_end_matches(',');
        let (descriptor, tail) = if reference.len() < word.len() {
            ("", tail)
        } else {
            tail.split_once(',').unwrap_or((tail, ""))
        };
        rest = tail;
        let mut size = (None, 1.0);
        for word in descriptor.split_whitespace() {
            if let Some(width) = word.strip_suffix('w').and_then(|w| w.parse().ok()) {
                size.0 = Some(width);
            } else if let Some(density) = word.strip_suffix('x').and_then(|x| x.parse().ok()) {
                size.1 = density;
            }
        }
        if best.as_ref().is_none_or(|best| size > best.size) {
            let reference = reference.to_owned();
            best = Some(Variant { reference, size });
        }
    }
}

/// Whether a reference ends like a picture's file, its query aside.
fn is_picture(reference: &str) -> bool {
    let path = reference.split(['?', '#']).next().unwrap_or("");
    let ending = path.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// A reference as it may stand in a request: pages write spaces, letters of all scripts and line ends,
/// browsers encode them (URL Standard, section 4.4).
fn encoded(reference: &str) -> String {
    let mut text = String::with_capacity(reference.len());
    for byte in reference.trim().bytes() {
        match byte {
            b'\t' | b'\n' | b'\r' => {}
            b'\\' => text.push('/'),
            0x21..=0x7e if !b"\"<>^`{|}".contains(&byte) => text.push(byte as char),
            _ => text.push_str(percent_encode_byte(byte)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(html: &str) -> Vec<String> {
        let at = Location::parse("https://a.example/people/index.html?page=2").unwrap();
        let found = pictures_of(html.as_bytes(), &at);
        found.iter().map(Location::to_string).collect()
    }

    #[test]
    fn pictures_are_found_where_pages_have_them() {
        for (html, expected) in [
            ("<img src=a.jpg>", "https://a.example/people/a.jpg"),
            ("<IMG SRC='/a.jpg'/>", "https://a.example/a.jpg"),
            (
                "<img src='../b/./a.jpg?w=1&amp;h=2'>",
                "https://a.example/b/a.jpg?w=1&h=2",
            ),
            (
                "<img src='//b.example/a b\n.jpg'>",
                "https://b.example/a%20b.jpg",
            ),
            (
                "<img alt='>' src=\"é.jpg\">",
                "https://a.example/people/%C3%A9.jpg",
            ),
            (
                "<img src=small.gif data-src=large.jpg>",
                "https://a.example/people/large.jpg",
            ),
            (
                "<a href='x/a.JPG?dl=1'>",
                "https://a.example/people/x/a.JPG?dl=1",
            ),
            ("<link rel=image_src href=a>", "https://a.example/people/a"),
            (
                "<noscript><img src=a.jpg></noscript>",
                "https://a.example/people/a.jpg",
            ),
            (
                "<meta property='og:image' content='https://c.example/i'>",
                "https://c.example/i",
            ),
            (
                "<meta name=twitter:image content=t.png>",
                "https://a.example/people/t.png",
            ),
            (
                "<base href='https://b.example/x/'><base href=/no/><img src=a.jpg>",
                "https://b.example/x/a.jpg",
            ),
        ] {
            assert_eq!(found(html), [expected], "{html}");
        }
    }

    #[test]
    fn what_is_no_picture_is_left_out() {
        for html in [
            "",
            "no markup",
            "<img>",
            "<img src=''>",
            "<img src='data:image/png;base64,AAAA'>",
            "<img src='javascript:alert(1)'>",
            "<img src='file:///etc/passwd'>",
            "<img src='http://user@b.example/a.jpg'>",
            "<img src='http://b.example:22/a.jpg'>",
            "<a href=page.html><a href=a.jpg.html><a href=jpg>",
            "<!-- <img src=a.jpg> -->",
            "<script>document.write('<img src=a.jpg>')</script>",
            "<style>a { content: '<img src=a.jpg>' }</style>",
            "<textarea><img src=a.jpg></textarea>",
            "<source srcset=a.jpg>",
            "<meta property=og:title content=a.jpg>",
            "<img src",
            "<img src='a.jpg",
        ] {
            assert!(found(html).is_empty(), "{html}: {:?}", found(html));
        }
    }

    #[test]
    fn of_several_variants_the_largest_is_taken() {
        for (html, expected) in [
            ("<img src=s.jpg srcset='a.jpg 1x, b.jpg 2x'>", "b.jpg"),
            (
                "<img src=s.jpg srcset='a.jpg 480w,b.jpg 1600w , c.jpg 800w'>",
                "b.jpg",
            ),
            ("<img srcset='a,b.jpg 1x, c,d.jpg 3x,e.jpg 2x'>", "c,d.jpg"),
            ("<img srcset='a.jpg, b.jpg 1.5x'>", "b.jpg"),
            ("<img srcset='a.jpg,'>", "a.jpg"),
            ("<img src=s.jpg srcset=' , '>", "s.jpg"),
            (
                "<picture><source type=image/avif srcset='a.avif 2000w'>
                 <source type=image/webp srcset='a.webp 800w, b.webp 1600w'>
                 <img src=s.jpg srcset='a.jpg 800w, b.jpg 1600w'></picture>",
                "b.webp",
            ),
            (
                "<picture><source media='(min-width: 1px)' srcset=a.jpg><img src=s.jpg></picture>",
                "a.jpg",
            ),
            ("<picture><img src=s.jpg>", "s.jpg"),
        ] {
            let expected = format!("https://a.example/people/{expected}");
            assert_eq!(found(html), [expected], "{html}");
        }
    }

    #[test]
    fn each_picture_is_named_once_and_in_order() {
        let html =
            "<a href=b.jpg><img src=a.jpg></a><img src=./b.jpg><img src=a.jpg><img src=c.jpg>";
        let expected = ["b.jpg", "a.jpg", "c.jpg"];
        let expected = expected.map(|name| format!("https://a.example/people/{name}"));
        assert_eq!(found(html), expected);
        let many: Vec<String> = (0..20_000).map(|i| format!("<img src={i}.jpg>")).collect();
        assert_eq!(found(&many.concat()).len(), MAX_PICTURES);
    }
}
