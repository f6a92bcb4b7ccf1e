//! Where uploaded bytes live: files below one directory, never memory.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static STORES: AtomicU64 = AtomicU64::new(0);

/// Who clears the directory away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Simulator,
    Caller,
}

/// A directory for published files and, hidden in it, for arriving ones.
#[derive(Clone, Debug)]
pub(crate) struct Store(Arc<Directory>);

#[derive(Debug)]
struct Directory {
    root: PathBuf,
    owner: Owner,
    next: AtomicU64,
}

impl Store {
    /// A directory that lives as long as the simulator; it is made when first needed.
    pub(crate) fn temporary() -> Self {
        let n = STORES.fetch_add(1, Ordering::Relaxed);
        let root =
            std::env::temp_dir().join(format!("tableau-simulator-{}-{n}", std::process::id()));
        Self(Arc::new(Directory {
            root,
            owner: Owner::Simulator,
            next: AtomicU64::new(0),
        }))
    }

    /// A directory of the caller, whose published files stay.
    pub(crate) fn at(root: &Path) -> Self {
        Self(Arc::new(Directory {
            root: root.to_owned(),
            owner: Owner::Caller,
            next: AtomicU64::new(0),
        }))
    }

    /// Opens a new file for arriving bytes.
    pub(crate) fn receive(&self) -> io::Result<Arriving> {
        let directory = self.0.incoming();
        fs::create_dir_all(&directory)?;
        let path = directory.join(self.0.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = File::create(&path)?;
        Ok(Arriving {
            file,
            spool: Spool {
                path,
                bytes: 0,
                _store: self.clone(),
            },
        })
    }

    /// Moves a complete file to its place among the published ones.
    ///
    /// The name is the data source's, with characters no file system likes replaced.
    pub(crate) fn publish(
        &self,
        spool: &Spool,
        name: &str,
        suffix: &str,
        taken: impl Fn(&Path) -> bool,
    ) -> io::Result<PathBuf> {
        let awkward = |c: char| {
            c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        };
        let name: String = name
            .chars()
            .map(|c| if awkward(c) { '_' } else { c })
            .take(80)
            .collect();
        let name = if name.starts_with('.') {
            format!("_{name}")
        } else {
            name
        };
        let mut path = self.0.root.join(format!("{name}{suffix}"));
        for n in 2.. {
            if !taken(&path) {
                break;
            }
            path = self.0.root.join(format!("{name} ({n}){suffix}"));
        }
        fs::rename(&spool.path, &path)?;
        Ok(path)
    }
}

impl Directory {
    fn incoming(&self) -> PathBuf {
        self.root.join(".incoming")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = match self.owner {
            Owner::Simulator => fs::remove_dir_all(&self.root),
            Owner::Caller => fs::remove_dir_all(self.incoming()),
        };
    }
}

/// A file that is still being written.
pub(crate) struct Arriving {
    file: File,
    spool: Spool,
}

impl Arriving {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.spool.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.file.write_all(bytes)
    }

    pub(crate) fn finish(self) -> Spool {
        self.spool
    }
}

/// A complete file nobody has published yet; it is removed when dropped.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    bytes: u64,
    /// Keeps the directory until the last file is gone.
    _store: Store,
}

impl Spool {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the bytes of another file behind those of this one.
    pub(crate) fn append(&mut self, other: &Self) -> io::Result<()> {
        let mut file = File::options().write(true).open(&self.path)?;
        file.seek(SeekFrom::End(0))?;
        self.bytes += io::copy(&mut File::open(&other.path)?, &mut file)?;
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Returns the first bytes of a file, fewer if it is shorter.
pub(crate) fn head(file: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(file)?.take(8).read_to_end(&mut head)?;
    Ok(head)
}

impl Drop for Spool {
    fn drop(&mut self) {
        // A published file has been moved away already.
        let _ = fs::remove_file(&self.path);
    }
}
