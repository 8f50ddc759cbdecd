//! New texts beside their places, until all are written.
//!
//! A stage that is dropped before its commit takes back what it wrote, folders included. The system's page cache is
//! trusted: generated files can be generated again, so nothing is synced to the disk.

use super::WriteError;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub(super) struct Stage {
    /// The temporary file and the place it goes to.
    files: Vec<(PathBuf, PathBuf)>,
    folders: Vec<PathBuf>,
}

impl Stage {
    pub(super) fn write(&mut self, path: &Path, text: &str) -> Result<(), WriteError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        self.make(folder)?;
        let (temporary, mut file) =
            beside(folder, self.files.len()).map_err(WriteError::io("write below", folder))?;
        self.files.push((temporary, path.to_owned()));
        file.write_all(text.as_bytes()).map_err(WriteError::io("write", path))
    }

    pub(super) fn commit(mut self) -> Result<(), WriteError> {
        for index in 0..self.files.len() {
            let (temporary, path) = &self.files[index];
            if let Err(source) = fs::rename(temporary, path) {
                let error = WriteError::io("write", path)(source);
                self.files.drain(..index);
                return Err(error);
            }
        }
        self.files.clear();
        self.folders.clear();
        Ok(())
    }

    fn make(&mut self, folder: &Path) -> Result<(), WriteError> {
        let missing = |above: &&Path| !above.as_os_str().is_empty() && !above.exists();
        let missing: Vec<_> = folder.ancestors().take_while(missing).collect();
        for above in missing.into_iter().rev() {
            match fs::create_dir(above) {
                Ok(()) => self.folders.push(above.to_owned()),
                // Another run may have been quicker.
                Err(_) if above.is_dir() => {}
                Err(source) => return Err(WriteError::io("create the folder", above)(source)),
            }
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for (temporary, _) in &self.files {
            // Taking back is a courtesy: the error that led here is the one to tell.
            let _ = fs::remove_file(temporary);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A new file in a folder. The process id keeps two runs apart, and the number passes over what a killed run left; the
/// name is short whatever the file will be called.
fn beside(folder: &Path, first: usize) -> io::Result<(PathBuf, fs::File)> {
    let mut number = first;
    loop {
        let path = folder.join(format!(".ablo-{}-{number}", std::process::id()));
        match fs::File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            created => return created.map(|file| (path, file)),
        }
    }
}
