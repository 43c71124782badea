//! Where a project's state is, whose it is, and with which key: the rules that keep two states apart.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use strata_model::store::{StateStore, StoreError};
use strata_model::{IdSource, Lineage, SecretKey};
use strata_state::{Access, OpenOptions, SqliteStore};

use super::state_error;
use crate::environment;
use crate::error::{CommandError, ErrorKind};
use crate::session::Session;

/// The file that names a project's lineage, and is committed.
pub const LINEAGE_FILE: &str = "strata.lock";

/// The state of a project on the sandbox, among the project's data.
pub const SANDBOX_STATE: &str = "sandbox-state.db";

/// How the lineage of a sandbox's state begins: a state of the one kind is refused where the other is meant.
const SANDBOX_MARK: [u8; 4] = *b"\x5abox";

/// Where the state of a project is.
#[derive(Debug, Clone)]
pub struct Location {
    /// The database.
    pub state: PathBuf,
    /// The directory for key and caches.
    pub data: PathBuf,
    /// The file that names the lineage; none on the sandbox, nor for a project read from a URL.
    lineage_file: Option<PathBuf>,
    /// Whether the state is one of emulated clouds.
    sandbox: bool,
    /// Whether the state's place was chosen on purpose.
    explicit: bool,
}

/// A state that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: SqliteStore,
    /// Its key.
    pub key: SecretKey,
    /// What had to be made first, for people.
    pub made: Vec<String>,
}

impl Location {
    /// Finds the place: flag, environment, project, default. `directory` is the project's; one read from a URL has
    /// none, and takes the directory that the command runs in for its data.
    ///
    /// # Errors
    ///
    /// For a state that is none in a file.
    pub fn find(
        session: &Session,
        directory: Option<&Path>,
        declared: Option<&str>,
    ) -> Result<Self, CommandError> {
        let base = directory.unwrap_or(&session.directory);
        let data = session.data_directory(base);
        let sandbox = session.is_sandbox();
        let flag = session.global.state.as_deref();
        let chosen = flag.map(|text| session.directory.join(local(text)));
        let environment = session
            .environment
            .text(environment::STATE)
            .filter(|_| !sandbox);
        let declared = declared.filter(|_| !sandbox);
        let texts = [flag, environment, declared];
        if let Some(text) = texts
            .into_iter()
            .flatten()
            .find(|text| text.contains("://") && !text.starts_with("file://"))
        {
            let shown = text.split("://").next().unwrap_or_default();
            return Err(CommandError::usage(format!(
                "a state at {shown}:// is not supported; name a file"
            )));
        }
        let explicit = chosen.is_some() || environment.is_some();
        let state = chosen
            .or_else(|| environment.map(|text| session.directory.join(local(text))))
            .or_else(|| declared.map(|text| base.join(local(text))))
            .unwrap_or_else(|| data.join(if sandbox { SANDBOX_STATE } else { "state.db" }));
        let lineage_file = directory
            .filter(|_| !sandbox)
            .map(|directory| directory.join(LINEAGE_FILE));
        Ok(Location {
            state,
            data,
            lineage_file,
            sandbox,
            explicit,
        })
    }

    /// The place of the sandbox's state, in the data directory of a project in `directory`.
    pub fn of_sandbox(session: &Session, directory: &Path) -> Self {
        let data = session.data_directory(directory);
        Location {
            state: data.join(SANDBOX_STATE),
            data,
            lineage_file: None,
            sandbox: true,
            explicit: false,
        }
    }

    /// Who works on the state, as people are told, where that can be read.
    pub async fn holder(&self, session: &Session) -> Option<String> {
        let Opened { store, .. } = self.open_read(session).await.ok()??;
        let holder = store.lock_holder().await.ok()?;
        let (id, holder) = holder?;
        let holder = Box::new(holder);
        Some(StoreError::Locked { id, holder }.to_string())
    }

    /// Whether the state's place was named on the command line or in the environment.
    pub fn is_explicit(&self) -> bool {
        self.explicit
    }

    /// Whether there is a state, or at least a file that says which there should be.
    ///
    /// # Errors
    ///
    /// When that file cannot be read.
    pub fn is_known(&self) -> Result<bool, CommandError> {
        Ok(self.state.exists() || self.expected()?.is_some())
    }

    /// Opens the state for reading; `None` where the project was never initialised.
    ///
    /// # Errors
    ///
    /// When the project names a lineage and the state is not there, or is not sound, or is another one.
    pub async fn open_read(&self, session: &Session) -> Result<Option<Opened>, CommandError> {
        let expected = self.expected()?;
        if !self.state.exists() {
            return match expected {
                Some(lineage) => Err(self.missing(lineage)),
                None => Ok(None),
            };
        }
        let key = self.existing_key(session)?;
        let store = self.open(session, (&key, Access::Read, expected)).await?;
        Ok(Some(Opened {
            store,
            key,
            made: Vec::new(),
        }))
    }

    /// Opens a state that must be there for writing, and makes nothing.
    ///
    /// # Errors
    ///
    /// As for [`Location::open_read`], and when there is no state.
    pub async fn open_existing(&self, session: &Session) -> Result<Opened, CommandError> {
        let expected = self.expected()?;
        if !self.state.exists() {
            return Err(match expected {
                Some(lineage) => self.missing(lineage),
                None => state_error(StoreError::Missing(self.state.display().to_string())),
            });
        }
        let key = self.existing_key(session)?;
        let store = self.open(session, (&key, Access::Write, expected)).await?;
        Ok(Opened {
            store,
            key,
            made: Vec::new(),
        })
    }

    /// Opens the state for writing, and makes what a project needs where it has none yet: data directory, key, state
    /// and lineage. With `renew` a lineage whose state is lost is given up for a new one.
    ///
    /// # Errors
    ///
    /// As for [`Location::open_read`], and when something cannot be made.
    pub async fn open_write(&self, session: &Session, renew: bool) -> Result<Opened, CommandError> {
        let mut expected = self.expected()?;
        let exists = self.state.exists();
        if let (Some(lineage), false) = (expected, exists) {
            if !renew {
                return Err(self.missing(lineage));
            }
            expected = None;
            self.set_remains_aside(lineage)?;
        }
        let mut made = Vec::new();
        make_data_directory(&self.data)?;
        let key = match self.find_key(session)? {
            Some(key) => key,
            None if exists => return Err(self.no_key()),
            None => self.make_key(&*session.ids, &mut made)?,
        };
        let lineage = expected.unwrap_or_else(|| self.new_lineage(&*session.ids));
        let access = if exists {
            Access::Write
        } else {
            Access::Create(lineage)
        };
        if let Some(parent) = self.state.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|error| unwritable("cannot make the directory", parent, error))?;
        }
        let store = self.open(session, (&key, access, expected)).await?;
        if !exists {
            made.push(format!("state {}", self.shown(&self.state, session)));
        }
        let found = strata_model::store::StateStore::lineage(&store);
        if let Some(file) = self
            .lineage_file
            .as_ref()
            .filter(|_| expected != Some(found))
        {
            write_lineage(file, found)?;
            made.push(format!("{LINEAGE_FILE} (commit it)"));
        }
        Ok(Opened { store, key, made })
    }

    /// Renames what is left of a state whose database is gone, such as its write-ahead log: someone may still want it,
    /// and a new state must not be mixed with it.
    fn set_remains_aside(&self, lineage: Lineage) -> Result<(), CommandError> {
        let (Some(directory), Some(name)) = (self.state.parent(), self.state.file_name()) else {
            return Ok(());
        };
        let fail = |error| {
            unwritable(
                "cannot set aside what is left of the state in",
                directory,
                error,
            )
        };
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(fail(error)),
        };
        let name = name.to_string_lossy().into_owned();
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let found = entry.file_name().to_string_lossy().into_owned();
            let belongs = found
                .strip_prefix(&name)
                .is_some_and(|rest| rest.starts_with(['-', '.']));
            if belongs && !found.contains(".lost-") {
                let aside = directory.join(format!("{found}.lost-{}", &lineage.to_string()[..8]));
                std::fs::rename(entry.path(), aside).map_err(fail)?;
            }
        }
        Ok(())
    }

    /// The key for a run that stores nothing: the project's where it has one, and one of the moment otherwise.
    ///
    /// # Errors
    ///
    /// When there is a key, and it is not one.
    pub fn passing_key(&self, session: &Session) -> Result<SecretKey, CommandError> {
        Ok(self
            .find_key(session)?
            .unwrap_or_else(|| new_key(&*session.ids)))
    }

    fn shown(&self, path: &Path, session: &Session) -> String {
        path.strip_prefix(&session.directory)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    async fn open(
        &self,
        session: &Session,
        (key, access, expected): (&SecretKey, Access, Option<Lineage>),
    ) -> Result<SqliteStore, CommandError> {
        let options = OpenOptions {
            key: key.clone(),
            access,
            expected,
            ids: session.ids.clone(),
            clock: session.clock.clone(),
        };
        let store = SqliteStore::open(&self.state, options)
            .await
            .map_err(state_error)?;
        check_kind(
            strata_model::store::StateStore::lineage(&store),
            self.sandbox,
        )?;
        Ok(store)
    }

    /// The lineage that the project expects.
    fn expected(&self) -> Result<Option<Lineage>, CommandError> {
        let Some(file) = &self.lineage_file else {
            return Ok(None);
        };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(CommandError::new(
                    ErrorKind::State,
                    format!("cannot read {LINEAGE_FILE}"),
                )
                .because(error));
            }
        };
        parse_lineage(&text).map(Some).ok_or_else(|| {
            CommandError::new(ErrorKind::State, format!("{LINEAGE_FILE} names no lineage"))
                .hint("Restore it from Git. It is written by `strata init`, and not edited.")
        })
    }

    fn missing(&self, lineage: Lineage) -> CommandError {
        let message = format!(
            "{LINEAGE_FILE} names the state {lineage}, and there is no state at {}",
            self.state.display()
        );
        CommandError::new(ErrorKind::State, message)
            .hint("Say where the state is, with -state or STRATA_STATE, or restore it from a backup.")
            .hint("If it is lost for good: `strata init -new-state` begins anew, and `strata import` takes objects back.")
    }

    fn existing_key(&self, session: &Session) -> Result<SecretKey, CommandError> {
        self.find_key(session)?.ok_or_else(|| self.no_key())
    }

    fn no_key(&self) -> CommandError {
        let message = format!("the key of the state {} is missing", self.state.display());
        let place = self.key_file().display().to_string();
        CommandError::new(ErrorKind::State, message).hint(format!(
            "Give it in STRATA_STATE_KEY, or put it into {place}: 64 hexadecimal digits."
        ))
    }

    fn key_file(&self) -> PathBuf {
        self.data.join("key")
    }

    fn find_key(&self, session: &Session) -> Result<Option<SecretKey>, CommandError> {
        let wrong = |place: &str| {
            CommandError::new(
                ErrorKind::State,
                format!("{place} holds no key: a key is 64 hexadecimal digits"),
            )
        };
        if let Some(text) = session.environment.text(environment::STATE_KEY) {
            session.ui.redactor().add(text.trim());
            return SecretKey::parse(text)
                .map(Some)
                .ok_or_else(|| wrong(environment::STATE_KEY.name));
        }
        let file = self.key_file();
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                session.ui.redactor().add(text.trim());
                SecretKey::parse(&text)
                    .map(Some)
                    .ok_or_else(|| wrong(&file.display().to_string()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unwritable("cannot read the key", &file, error)),
        }
    }

    fn make_key(
        &self,
        ids: &dyn IdSource,
        made: &mut Vec<String>,
    ) -> Result<SecretKey, CommandError> {
        let key = new_key(ids);
        let file = self.key_file();
        let fail = |error| unwritable("cannot write the key", &file, error);
        let mut options = std::fs::OpenOptions::new();
        let mut handle = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .map_err(fail)?;
        handle
            .write_all(key.to_hex().as_bytes())
            .and_then(|()| handle.write_all(b"\n"))
            .map_err(fail)?;
        handle.sync_all().map_err(fail)?;
        made.push(format!(
            "key {} (keep a copy: without it the state's secrets are lost)",
            file.display()
        ));
        Ok(key)
    }

    fn new_lineage(&self, ids: &dyn IdSource) -> Lineage {
        loop {
            let mut bits = ids.bits();
            if self.sandbox {
                bits[..4].copy_from_slice(&SANDBOX_MARK);
            }
            let lineage = Lineage::from_bits(bits);
            if is_sandbox(lineage) == self.sandbox {
                return lineage;
            }
        }
    }
}

fn local(text: &str) -> &str {
    text.strip_prefix("file://").unwrap_or(text)
}

fn new_key(ids: &dyn IdSource) -> SecretKey {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    SecretKey::from_bytes(bytes)
}

/// Whether a run works on a state at this moment.
///
/// # Errors
///
/// When that cannot be seen.
pub fn is_in_use(state: &Path) -> Result<bool, CommandError> {
    strata_state::is_in_use(state)
        .map_err(|error| CommandError::file("cannot look at the lock of", state, error))
}

/// Whether a lineage is one of emulated clouds.
pub fn is_sandbox(lineage: Lineage) -> bool {
    let mark: String = SANDBOX_MARK
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    lineage.to_string().starts_with(&mark)
}

/// Refuses a lineage of the sandbox in a run on the real clouds, and the other way round.
///
/// # Errors
///
/// When the two differ.
pub fn check_kind(lineage: Lineage, sandbox: bool) -> Result<(), CommandError> {
    match (is_sandbox(lineage), sandbox) {
        (true, false) => Err(CommandError::new(
            ErrorKind::Refused,
            "the state is one of the sandbox, and this run is on the real clouds",
        )
        .hint("Add --sandbox, or name another state.")),
        (false, true) => Err(CommandError::new(
            ErrorKind::Refused,
            "the state is one of the real clouds, and this run is on the sandbox",
        )
        .hint("Leave out --sandbox, or name another state.")),
        (true, true) | (false, false) => Ok(()),
    }
}

fn unwritable(what: &str, path: &Path, error: std::io::Error) -> CommandError {
    CommandError::new(ErrorKind::State, format!("{what} {}", path.display())).because(error)
}

/// Makes the data directory, private, with what keeps it out of Git.
fn make_data_directory(path: &Path) -> Result<(), CommandError> {
    if path.is_dir() {
        return Ok(());
    }
    let fail = |error| unwritable("cannot make the directory", path, error);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(fail)?;
    std::fs::write(path.join(".gitignore"), "*\n").map_err(fail)
}

/// Makes the data directory of a run, for stores other than the state.
///
/// # Errors
///
/// When it cannot be made.
pub fn data_directory(session: &Session, project: &Path) -> Result<PathBuf, CommandError> {
    let path = session.data_directory(project);
    make_data_directory(&path)?;
    Ok(path)
}

fn parse_lineage(text: &str) -> Option<Lineage> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    let value = lines
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == "lineage")?
        .1;
    Lineage::parse(value.trim().trim_matches('"'))
}

fn write_lineage(file: &Path, lineage: Lineage) -> Result<(), CommandError> {
    let text = format!(
        "# Written by strata init; commit it. It names the state that belongs to this project, so that a fresh clone\n\
         # without that state plans nothing anew.\n\
         version = 1\n\
         lineage = \"{lineage}\"\n"
    );
    let fail = |error| unwritable("cannot write", file, error);
    let next = file.with_extension("lock.new");
    std::fs::write(&next, text).map_err(fail)?;
    std::fs::rename(&next, file).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lineages_are_read_as_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(LINEAGE_FILE);
        let lineage = Lineage::from_bits([7; 16]);
        write_lineage(&file, lineage).unwrap();
        assert_eq!(
            parse_lineage(&std::fs::read_to_string(&file).unwrap()),
            Some(lineage)
        );
        assert_eq!(parse_lineage("lineage = \"x\""), None);
        assert_eq!(parse_lineage("# lineage = \"07\"\n"), None);
    }

    #[test]
    fn kinds_of_lineages_do_not_mix() {
        let mut bits = [7; 16];
        bits[..4].copy_from_slice(&SANDBOX_MARK);
        let sandbox = Lineage::from_bits(bits);
        assert!(check_kind(sandbox, true).is_ok());
        assert!(check_kind(sandbox, false).is_err());
        assert!(check_kind(Lineage::from_bits([7; 16]), true).is_err());
    }
}
