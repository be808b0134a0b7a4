//! The style sheet, the script and the icon, under paths that change with their content.

use std::sync::LazyLock;

/// A file that pages refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// `/assets/<hash>/<name>`.
    pub path: String,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The file.
    pub bytes: &'static [u8],
}

/// The value of `Cache-Control` for assets: a change of content changes the path.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// Every asset.
pub static ALL: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset("style.css", "text/css; charset=utf-8", include_bytes!("../../assets/style.css")),
        asset("pages.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/pages.js")),
        asset("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    ]
});

/// The asset at a path, if there is one.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.path == path)
}

pub(crate) fn style() -> &'static str {
    &ALL[0].path
}

pub(crate) fn script() -> &'static str {
    &ALL[1].path
}

pub(crate) fn icon() -> &'static str {
    &ALL[2].path
}

fn asset(name: &str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { path: format!("/assets/{:016x}/{name}", fnv1a(bytes)), content_type, bytes }
}

/// FNV-1a, 64 bit. It only tells versions of our own files apart, so it need not be a cryptographic hash.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_by_its_hashed_path_only() {
        let found = find(style()).unwrap();
        assert!(found.content_type.starts_with("text/css") && !found.bytes.is_empty());
        assert!(script().ends_with("/pages.js") && icon().ends_with("/icon.svg"));
        assert!(find("/assets/0000000000000000/style.css").is_none());
        assert!(find("/assets/style.css").is_none());
    }

    #[test]
    fn a_change_of_content_changes_the_path() {
        assert_ne!(asset("a", "", b"x").path, asset("a", "", b"y").path);
        // The published test vector of "a".
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn assets_load_nothing_from_elsewhere() {
        for asset in ALL.iter() {
            let text = std::str::from_utf8(asset.bytes).unwrap().replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://") && !text.contains("@import") && !text.contains("url("), "{}", asset.path);
        }
    }
}
