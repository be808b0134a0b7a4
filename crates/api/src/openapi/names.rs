//! Names of components and operations, made from those of resource types and paths.

/// `resource_server`, `resource-servers` as `ResourceServer`, `ResourceServers`.
pub(super) fn pascal(name: &str) -> String {
    name.split(['_', '-']).map(capitalized).collect()
}

/// `resource_server` as `resource server`.
pub(super) fn spaced(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

/// `resource_server` as `a resource server`.
pub(super) fn a(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {}", spaced(kind))
}

/// `rotate-secret` of a `client` as `rotateClientSecret`.
pub(super) fn verb(segment: &str, kind: &str) -> String {
    let (verb, rest) = segment.split_once('-').unwrap_or((segment, ""));
    format!("{verb}{}{}", pascal(kind), pascal(rest))
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_people_write_them() {
        assert_eq!((pascal("resource_server"), pascal("user-roles")), ("ResourceServer".into(), "UserRoles".into()));
        assert_eq!((a("audit_event"), a("user")), ("an audit event".into(), "a user".into()));
        assert_eq!(verb("rotate-secret", "client"), "rotateClientSecret");
        assert_eq!(verb("touch", "session"), "touchSession");
    }
}
