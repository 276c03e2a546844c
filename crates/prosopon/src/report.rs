//! A page for people: figures, tables and pictures in one HTML file that needs nothing else.

use std::path::Path;

use crate::image::write_whole;
use crate::plot::{Cell, PlotError, Svg, data_url, escaped};

/// Fits a phone and a large screen, and follows the reader's choice of light or dark; figures keep
/// their white ground.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#22262e;--soft:#5c636e;--line:#d8dce2;--ground:#f5f6f8;--card:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaee;--soft:#a3aab5;--line:#3a4049;--ground:#16191e;--card:#1f232a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:2rem 1.25rem 4rem;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,'Segoe UI',Roboto,Arial,sans-serif}
h1{font-size:1.8rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem}
.lead{font-size:1.1rem;color:var(--soft);max-width:46rem;margin:0 0 1.5rem}
p{max-width:46rem}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px;margin:1rem 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.45rem .8rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:600;font-size:.9rem}
tbody th{font-weight:500;color:var(--soft);width:14rem}
td{overflow-wrap:anywhere}
@media(max-width:40rem){th,td{padding:.4rem .55rem}tbody th{width:8rem}thead~tbody td{overflow-wrap:break-word}}
figure{margin:1rem 0;background:var(--card);border:1px solid var(--line);border-radius:8px;overflow:hidden}
figure>.plot{background:#fff;overflow-x:auto;padding:.5rem}
figure svg{display:block;max-width:100%;height:auto;margin:0 auto}
figcaption{padding:.6rem .9rem;color:var(--soft);font-size:.92rem;border-top:1px solid var(--line)}
.pictures{display:flex;flex-wrap:wrap;gap:.9rem;margin:1rem 0;padding:0;list-style:none}
.pictures li{width:128px;font-size:.82rem;color:var(--soft);overflow-wrap:anywhere}
.pictures img{display:block;width:128px;height:128px;object-fit:contain;background:var(--card);border:3px solid var(--line);border-radius:6px;margin-bottom:.25rem}
.large{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem;margin:1rem 0}
.large figure{margin:0}
.large img{display:block;width:100%;height:auto}
table.faces td{vertical-align:middle;overflow-wrap:normal}
.faces td img{display:block;width:96px;height:96px;object-fit:contain;border-radius:6px}
";

/// A page in the making: parts appear in the order in which they were added. All text is escaped.
#[derive(Clone)]
pub struct Page {
    title: String,
    body: String,
}

impl Page {
    /// A page with a title and nothing else.
    pub fn new(title: &str) -> Self {
        Self {
            title: escaped(title),
            body: format!("<h1>{}</h1>\n", escaped(title)),
        }
    }

    /// Adds the sentence that says it all.
    pub fn lead(&mut self, text: &str) {
        self.body += &format!("<p class=\"lead\">{}</p>\n", escaped(text));
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: &str) {
        self.body += &format!("<h2>{}</h2>\n", escaped(text));
    }

    /// Adds a paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.body += &format!("<p>{}</p>\n", escaped(text));
    }

    /// Adds names with their values.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        let rows = facts.iter().map(|(name, value)| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n",
                escaped(name),
                escaped(value)
            )
        });
        let rows: String = rows.collect();
        self.body +=
            &format!("<div class=\"scroll\"><table><tbody>\n{rows}</tbody></table></div>\n");
    }

    /// Adds a table; each row has a cell for each head.
    pub fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) {
        let heads = heads.iter().fold(String::new(), |heads, head| {
            heads + &format!("<th scope=\"col\">{}</th>", escaped(head))
        });
        let row = |cells: &Vec<String>| {
            let cells = cells
                .iter()
                .map(|cell| format!("<td>{}</td>", escaped(cell)));
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let rows: String = rows.iter().map(row).collect();
        self.body += &format!(
            "<div class=\"scroll\"><table><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div>\n"
        );
    }

    /// Adds a figure; the caption is also what screen readers say of it.
    pub fn figure(&mut self, svg: &Svg, caption: &str) {
        let caption = escaped(caption);
        self.body += &format!(
            "<figure><div class=\"plot\" role=\"img\" aria-label=\"{caption}\">\n{}</div><figcaption>{caption}</figcaption></figure>\n",
            svg.to_svg()
        );
    }

    /// Adds pictures in rows, each with its caption.
    pub fn pictures(&mut self, cells: &[Cell]) {
        self.body += "<ul class=\"pictures\">\n";
        for cell in cells {
            let caption = escaped(&cell.caption);
            let image = data_url(&cell.image).unwrap_or_default();
            let frame = cell
                .frame
                .map(|color| format!(" style=\"border-color:{color}\""))
                .unwrap_or_default();
            self.body += &format!("<li><img src=\"{image}\" alt=\"\"{frame}>{caption}</li>\n");
        }
        self.body += "</ul>\n";
    }

    /// Adds pictures as large as fit beside each other.
    pub fn large_pictures(&mut self, cells: &[Cell]) {
        self.body += "<div class=\"large\">\n";
        for cell in cells {
            let caption = escaped(&cell.caption);
            let image = data_url(&cell.image).unwrap_or_default();
            self.body += &format!(
                "<figure><img src=\"{image}\" alt=\"\"><figcaption>{caption}</figcaption></figure>\n"
            );
        }
        self.body += "</div>\n";
    }

    /// Adds a table whose rows begin with pictures; each row has a cell for each head. Captions are what
    /// screen readers say.
    pub fn picture_table(&mut self, heads: &[&str], rows: &[(Vec<Cell>, Vec<String>)]) {
        let heads = heads.iter().fold(String::new(), |heads, head| {
            heads + &format!("<th scope=\"col\">{}</th>", escaped(head))
        });
        self.body += &format!(
            "<div class=\"scroll\"><table class=\"faces\"><thead><tr>{heads}</tr></thead><tbody>\n"
        );
        for (pictures, texts) in rows {
            self.body += "<tr>";
            for cell in pictures {
                let image = data_url(&cell.image).unwrap_or_default();
                let caption = escaped(&cell.caption);
                self.body += &format!("<td><img src=\"{image}\" alt=\"{caption}\"></td>");
            }
            for text in texts {
                self.body += &format!("<td>{}</td>", escaped(text));
            }
            self.body += "</tr>\n";
        }
        self.body += "</tbody></table></div>\n";
    }

    /// The whole page. It asks for nothing from outside, and says so to the browser.
    pub fn to_html(&self) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
            self.title, self.body
        )
    }

    /// Writes the page; the file appears whole or not at all.
    ///
    /// # Errors
    /// [`PlotError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        write_whole(path, self.to_html().as_bytes()).map_err(|source| PlotError::Write { source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    #[test]
    fn a_page_holds_all_its_parts_and_escapes_them() {
        let mut page = Page::new("Faces <of> people");
        page.lead("All is well & good.");
        page.heading("Facts");
        page.facts(&[("model", "m@1".to_owned())]);
        page.table(
            &["fmr", "fnmr"],
            &[vec!["1e-3".to_owned(), "2 %".to_owned()]],
        );
        page.figure(&Svg::new(10.0, 10.0), "an empty figure");
        page.pictures(&[Cell::new(Image::filled(4, 4, [1, 2, 3]), "\"x\"")]);
        page.large_pictures(&[Cell::new(Image::filled(4, 4, [1, 2, 3]), "large")]);
        let cell = Cell::new(Image::filled(4, 4, [1, 2, 3]), "<face>");
        page.picture_table(
            &["face", "name"],
            &[(vec![cell], vec!["<anna>".to_owned()])],
        );
        let html = page.to_html();
        for expected in [
            "<figcaption>large</figcaption>",
            "alt=\"&lt;face&gt;\"></td><td>&lt;anna&gt;</td>",
            "Faces &lt;of&gt; people",
            "well &amp; good",
            "<th scope=\"row\">model</th><td>m@1</td>",
            "<td>2 %</td>",
            "aria-label=\"an empty figure\"",
            "&quot;x&quot;",
            "data:image/jpeg;base64,",
        ] {
            assert!(html.contains(expected), "{expected}");
        }
        assert!(!html.contains("<script"));
    }
}
