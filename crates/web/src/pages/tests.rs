//! What holds for every page, in every state and language.

use super::{samples, *};

fn everywhere(check: impl Fn(&str, Language, &Html)) {
    for language in Language::ALL {
        for (name, html) in samples::all(language) {
            check(name, language, &html);
        }
    }
}

#[test]
fn every_page_has_its_language_one_heading_and_its_landmarks() {
    everywhere(|name, language, html| {
        let body = &html.body;
        assert!(
            body.starts_with("<!doctype html>\n<html lang=\"")
                && body.contains(&format!("lang=\"{}\" dir=\"ltr\"", language.tag())),
            "{name}"
        );
        for once in ["<h1", "<main>", "<title>", "<header", "<footer>", "</html>"] {
            assert_eq!(body.matches(once).count(), 1, "{once} in {name}");
        }
    });
}

#[test]
fn no_page_has_inline_style_or_code() {
    everywhere(|name, _, html| {
        let body = html.body.to_ascii_lowercase();
        assert_eq!(body.matches("<script").count(), 1, "{name}");
        assert!(body.contains("<script src=\"/assets/") && body.contains("defer></script>"), "{name}");
        for inline in ["<style", " style=", " onclick=", " onload=", " onsubmit=", "javascript:"] {
            assert!(!body.contains(inline), "{inline} in {name}");
        }
    });
}

#[test]
fn pages_refer_only_to_assets_that_exist() {
    everywhere(|name, _, html| {
        let paths: Vec<_> = html.body.split('"').filter(|text| text.starts_with("/assets/")).collect();
        assert_eq!(paths.len(), 3, "{name}");
        assert!(paths.iter().all(|path| assets::find(path).is_some()), "{name}");
    });
}

#[test]
fn every_field_has_a_label_and_every_reference_a_target() {
    everywhere(|name, _, html| {
        for attribute in [
            " for=\"",
            " aria-describedby=\"",
            " aria-labelledby=\"",
            " aria-controls=\"",
            " href=\"#",
            " data-copy=\"",
        ] {
            for rest in html.body.split(attribute).skip(1) {
                for id in rest.split('"').next().unwrap().split(' ') {
                    assert!(html.body.contains(&format!(" id=\"{id}\"")), "{attribute}{id} in {name}");
                }
            }
        }
    });
}

#[test]
fn every_answer_carries_the_protective_headers() {
    everywhere(|name, language, html| {
        let headers: Vec<_> = html.headers().collect();
        for expected in [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Language", language.tag()),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ] {
            assert!(headers.contains(&expected), "{expected:?} of {name}");
        }
        let policy = headers.iter().find(|(header, _)| *header == "Content-Security-Policy").unwrap().1;
        assert!(!policy.contains("form-action 'none'") || !html.body.contains("<form"), "{name}");
    });
}

#[test]
fn a_name_with_markup_and_direction_marks_stays_a_name() {
    everywhere(|name, _, html| {
        assert!(!html.body.contains("<b>") && !html.body.contains('\u{202e}'), "{name}");
    });
}

/// `PAGES_OUT=<folder> cargo test writes_the_pages` writes every page and asset for a look in a browser.
#[test]
fn writes_the_pages_where_asked() {
    let Some(out) = std::env::var_os("PAGES_OUT").map(std::path::PathBuf::from) else { return };
    for language in Language::ALL {
        for (name, html) in samples::all(language) {
            let stem = out.join(format!("{name}.{}", language.tag()));
            std::fs::create_dir_all(&out).unwrap();
            std::fs::write(stem.with_added_extension("html"), &html.body).unwrap();
            let headers: String = html.headers().map(|(name, value)| format!("{name}: {value}\n")).collect();
            std::fs::write(stem.with_added_extension("headers"), headers).unwrap();
        }
    }
    for asset in assets::ALL.iter() {
        let path = out.join(asset.path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, asset.bytes).unwrap();
    }
}
