//! Tests against objects that other users could plant in place of a file.

use super::*;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Every kind of object that is not a regular file, in a folder.
fn others(folder: &Folder) -> Vec<(PathBuf, &'static str)> {
    let (pipe, socket) = (folder.join("pipe"), folder.join("socket"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    vec![
        (pipe, "named pipe"),
        (socket, "socket"),
        (folder.path().to_owned(), "folder"),
        (PathBuf::from("/dev/null"), "device"),
        (PathBuf::from("/dev/zero"), "device"),
    ]
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = Folder::temporary().unwrap();
    let says = |error: io::Error, what: &str| assert!(error.to_string().contains(what), "{error}");
    for (path, what) in others(&folder) {
        says(open(&path).unwrap_err(), what);
        says(open_own(&path).unwrap_err(), what);
        says(read(&path, 10).unwrap_err(), what);
        says(append(&path, 0o600).unwrap_err(), what);
        assert!(write_new(&path, 0o600, b"x").is_err());
        // Also through a link.
        let link = folder.join("link");
        symlink(&path, &link).unwrap();
        says(open(&link).unwrap_err(), what);
        std::fs::remove_file(&link).unwrap();
    }
}

#[test]
fn what_is_read_may_be_a_link_and_is_bounded() {
    let folder = Folder::temporary().unwrap();
    // The layout of a ConfigMap mounted by Kubernetes.
    std::fs::create_dir(folder.join("..2026")).unwrap();
    std::fs::write(folder.join("..2026/a"), "12345").unwrap();
    symlink("..2026", folder.join("..data")).unwrap();
    symlink("..data/a", folder.join("a")).unwrap();
    assert_eq!(read(&folder.join("a"), 5).unwrap(), b"12345");
    assert_eq!(read(&folder.join("a"), 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert!(open_own(&folder.join("a")).is_err());
    // The size is unknown before reading.
    assert!(!read(Path::new("/proc/self/limits"), MOST).unwrap().is_empty());
}

#[test]
fn what_is_written_never_follows_a_link() {
    let folder = Folder::temporary().unwrap();
    let (victim, link) = (folder.join("victim"), folder.join("link"));
    let lay = |target: &Path| {
        std::fs::remove_file(&link).ok();
        symlink(target, &link).unwrap();
    };
    std::fs::write(&victim, "kept").unwrap();
    chmod(&victim, 0o600);
    for target in [&victim, &folder.join("nowhere")] {
        lay(target);
        assert!(append(&link, 0o666).is_err());
        assert!(write_new(&link, 0o666, b"x").is_err());
        assert!(link.is_symlink());
        replace(&link, 0o644, b"new").unwrap();
        assert_eq!((std::fs::read(&link).unwrap(), mode(&link)), (b"new".to_vec(), 0o644));
    }
    assert_eq!((std::fs::read(&victim).unwrap(), mode(&victim)), (b"kept".to_vec(), 0o600));
    assert!(!folder.join("nowhere").exists());
    let names = std::fs::read_dir(folder.path()).unwrap().flatten().count();
    assert_eq!(names, 2, "nothing unfinished is left");
}

#[test]
fn a_file_that_is_added_to_is_ours_where_everybody_may_lay_one() {
    let folder = Folder::temporary().unwrap();
    let (file, other) = (folder.join("a"), folder.join("b"));
    append(&file, 0o640).unwrap().write_all(b"1").unwrap();
    append(&file, 0o640).unwrap().write_all(b"2").unwrap();
    assert_eq!((std::fs::read(&file).unwrap(), mode(&file)), (b"12".to_vec(), 0o640));
    std::fs::hard_link(&file, &other).unwrap();
    append(&file, 0o640).unwrap();
    for open_to_all in [0o777, 0o1777] {
        chmod(folder.path(), open_to_all);
        let error = append(&file, 0o640).unwrap_err();
        assert!(error.to_string().contains("several names"), "{error}");
    }
    std::fs::remove_file(&other).unwrap();
    append(&file, 0o640).unwrap();
}

#[test]
fn a_temporary_folder_is_ours_alone_under_a_name_of_its_own_and_goes() {
    let (one, two) = (Folder::temporary().unwrap(), Folder::temporary().unwrap());
    assert_ne!(one.path(), two.path());
    assert_eq!((mode(one.path()), mode(two.path())), (0o700, 0o700));
    let path = one.path().to_owned();
    std::fs::write(one.join("a"), "x").unwrap();
    drop(one);
    assert!(!path.exists());
}

#[test]
fn what_is_made_in_place_is_out_of_reach_until_it_has_its_rights() {
    let folder = Folder::temporary().unwrap();
    let path = folder.join("a");
    let make = |unfinished: &Path| {
        assert_eq!(mode(unfinished.parent().unwrap()), 0o700);
        write_new(unfinished, 0o600, b"x")
    };
    let ((), inode) = make_in_place(&path, 0o604, make).unwrap();
    assert_eq!((mode(&path), std::fs::metadata(&path).unwrap().ino()), (0o604, inode));
    assert!(make_in_place(&path, 0o600, |_| Err::<(), _>(io::Error::other("no"))).is_err());
    // The folder was replaced by a link meanwhile: the permissions of its target must not change.
    let victim = folder.join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("s"), "kept").unwrap();
    chmod(&victim.join("s"), 0o600);
    let swap = |unfinished: &Path| {
        let own = unfinished.parent().unwrap();
        std::fs::remove_dir(own)?;
        symlink(&victim, own)
    };
    assert!(make_in_place(&path, 0o666, swap).is_err());
    assert_eq!(mode(&victim.join("s")), 0o600);
}
