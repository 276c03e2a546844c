//! Whether a catalogue holds together.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::{Catalogue, Role};

impl Catalogue {
    /// Says what is wrong, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        let known = |found: bool, what: &str, id: &str| {
            let found = found.then_some(());
            found.ok_or_else(|| format!("there is no {what} `{id}`"))
        };
        known(
            self.pack(&self.defaults.pack).is_some(),
            "pack",
            &self.defaults.pack,
        )?;
        for (id, role) in [
            (&self.defaults.detector, Role::Detector),
            (&self.defaults.embedder, Role::Embedder),
        ] {
            let file = self.file(id);
            known(file.is_some_and(|f| f.role == role), "default model", id)?;
        }
        for pack in &self.packs {
            for id in &pack.files {
                known(self.file(id).is_some(), "file", id)?;
            }
        }
        for file in &self.files {
            known(
                self.archive(&file.archive).is_some(),
                "archive",
                &file.archive,
            )?;
            known(self.pack_of(&file.id).is_some(), "pack with file", &file.id)?;
            let described = (file.role == Role::Detector) == file.detector.is_some()
                && (file.role == Role::Embedder) == file.embedder.is_some();
            if !described {
                return Err(format!("`{}` needs the description of its role", file.id));
            }
        }
        for runtime in &self.runtimes {
            known(
                self.archive(&runtime.archive).is_some(),
                "archive",
                &runtime.archive,
            )?;
            for link in &runtime.links {
                let leads = runtime.libraries.iter().any(|l| l.name == link.target);
                known(
                    leads && is_plain(Path::new(&link.name)),
                    "target of link",
                    &link.name,
                )?;
            }
        }
        self.check_names()
    }

    /// No id and no place is taken twice, and no place is outside the data directory.
    fn check_names(&self) -> Result<(), String> {
        let mut ids = BTreeSet::new();
        let groups = [
            self.packs
                .iter()
                .map(|p| ("pack", &p.id))
                .collect::<Vec<_>>(),
            self.archives.iter().map(|a| ("archive", &a.id)).collect(),
            self.files.iter().map(|f| ("file", &f.id)).collect(),
            self.runtimes.iter().map(|r| ("file", &r.id)).collect(),
        ];
        for (what, id) in groups.into_iter().flatten() {
            if !ids.insert((what, id)) {
                return Err(format!("the {what} `{id}` stands twice"));
            }
        }
        let mut places = BTreeSet::new();
        for item in self.items() {
            if !is_plain(&item.install) {
                return Err(format!(
                    "`{}` leads out of the data directory",
                    item.install.display()
                ));
            }
            if !places.insert(item.install.clone()) {
                return Err(format!("`{}` is taken twice", item.install.display()));
            }
        }
        match self
            .archives
            .iter()
            .find(|a| !is_plain(Path::new(&a.file_name)))
        {
            Some(archive) => Err(format!("`{}` is no file name", archive.file_name)),
            None => Ok(()),
        }
    }
}

/// Whether a path is relative and made of plain names, so that it stays where it is put.
fn is_plain(path: &Path) -> bool {
    path.components().next().is_some()
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}
