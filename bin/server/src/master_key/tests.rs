use super::*;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/master.key");
    (folder, path)
}

#[test]
fn a_key_is_made_once_in_a_file_of_its_owner_s() {
    let (_folder, path) = folder();
    let made = make(&path).unwrap().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(read(&path).unwrap().id(), made.id());
    assert!(make(&path).unwrap().is_none(), "an existing file is left alone");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn of_two_that_make_the_key_at_once_one_does() {
    let (_folder, path) = folder();
    let made = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| make(&path).unwrap().is_some())).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
    assert!(read(&path).is_ok());
}

#[test]
fn a_key_that_others_may_read_is_refused_with_the_remedy() {
    let (_folder, path) = folder();
    make(&path).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(read(&path).is_ok());
}

#[test]
fn a_file_without_a_key_is_refused_without_showing_it() {
    let (_folder, path) = folder();
    make(&path).unwrap();
    for content in ["", "c2hvcnQ=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not base64"] {
        fs::write(&path, content).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("holds no master key") && (content.is_empty() || !error.contains(content)), "{error}");
    }
}
