//! Temporary files next to their final paths, until all are written.
//!
//! A stage that is dropped before its commit removes the files and folders that it created. Nothing
//! is synced to disk, because generated files can be generated again.

use super::WriteError;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub(super) struct Stage {
    /// The temporary path and the final path.
    files: Vec<(PathBuf, PathBuf)>,
    folders: Vec<PathBuf>,
}

impl Stage {
    pub(super) fn write(&mut self, path: &Path, text: &str) -> Result<(), WriteError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        self.make(folder)?;
        let (temporary, mut file) = create_temporary(folder, self.files.len())
            .map_err(WriteError::io("write below", folder))?;
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
                // A concurrent run may have created it.
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
            // Errors are ignored: the error that caused the drop is reported instead.
            let _ = fs::remove_file(temporary);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Creates a temporary file in a folder. The process id separates concurrent runs, and the number
/// skips files that a killed run left. The name is short regardless of the final name.
fn create_temporary(folder: &Path, first: usize) -> io::Result<(PathBuf, fs::File)> {
    let mut number = first;
    loop {
        let path = folder.join(format!(".ablo-{}-{number}", std::process::id()));
        match fs::File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            created => return created.map(|file| (path, file)),
        }
    }
}
