//! What lies in the contract folders, and whether it changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One look at all paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub files: BTreeMap<PathBuf, Stamp>,
    /// Paths and folders that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub modified: Option<SystemTime>,
    pub bytes: u64,
}

/// Folders nest no deeper: a link to a folder above would never end.
const DEPTH_MAX: usize = 16;

/// All YAML files at and below the paths. Hidden ones are left out, so that the folders behind a mounted ConfigMap
/// (`..data`) do not count twice; a path that is a file is taken whatever its name.
pub fn list(paths: &[PathBuf]) -> Listing {
    let mut listing = Listing::default();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => below(path, 0, &mut listing),
            Ok(found) => add(path.clone(), &found, &mut listing),
            Err(e) => listing.unreadable.push((path.clone(), e.to_string())),
        }
    }
    listing
}

fn below(folder: &Path, depth: usize, listing: &mut Listing) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) if depth < DEPTH_MAX => entries,
        Ok(_) => {
            return listing.unreadable.push((folder.into(), format!("it lies more than {DEPTH_MAX} folders deep")));
        }
        Err(e) => return listing.unreadable.push((folder.into(), e.to_string())),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => below(&path, depth + 1, listing),
            Ok(found) if is_yaml(&path) => add(path, &found, listing),
            Err(e) if is_yaml(&path) => listing.unreadable.push((path, e.to_string())),
            _ => {}
        }
    }
}

fn add(path: PathBuf, found: &std::fs::Metadata, listing: &mut Listing) {
    listing.files.insert(path, Stamp { modified: found.modified().ok(), bytes: found.len() });
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_yaml_files_are_contracts_and_a_named_file_always_is() {
        let root = tempfile::tempdir().unwrap();
        for file in ["a.yaml", "b/c/d.YML", "e.txt", ".f.yaml", "..data/g.yaml", "named.contract"] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let paths = [root.path().to_path_buf(), root.path().join("named.contract"), root.path().join("nowhere")];
        let listing = list(&paths);
        let names: Vec<_> =
            listing.files.keys().map(|p| p.strip_prefix(root.path()).unwrap().display().to_string()).collect();
        assert_eq!(names, ["a.yaml", "b/c/d.YML", "named.contract"]);
        assert_eq!(listing.unreadable.len(), 1);
        assert!(listing.unreadable[0].0.ends_with("nowhere"));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_holds_itself_ends() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("again")).unwrap();
        std::fs::write(root.path().join("a.yaml"), "x").unwrap();
        let listing = list(&[root.path().to_path_buf()]);
        assert_eq!(listing.unreadable.len(), 1);
    }
}
