//! Opening a state: making it, refusing what is not sound, bringing an older format up to date.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use strata_model::store::StoreError;
use strata_model::{Clock, IdSource, Lineage, SecretKey};

use crate::database::{connect, connect_options};
use crate::fault::{Doing, is_busy};
use crate::files::{
    Note, Paths, make_directory, make_private, private, sync_directory, with_suffix,
};
use crate::integrity::{Integrity, Sums};
use crate::meta::{self, Meta, lineage_bytes};
use crate::migrate::{self, APPLICATION_ID, MIGRATIONS, Migration};
use crate::record::Codec;
use crate::seal::Sealer;
use crate::sql;
use crate::store::SqliteStore;

/// What a state is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only: nothing is written and no lock is taken, and another process may write meanwhile.
    Read,
    /// Reading and writing a state that is there.
    Write,
    /// Reading and writing, and making the state with this lineage when there is none.
    Create(Lineage),
}

/// How a state is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The state's key.
    pub key: SecretKey,
    /// What it is opened for.
    pub access: Access,
    /// The lineage that the project expects; `None` takes any.
    pub expected: Option<Lineage>,
    /// Randomness for nonces and lock ids.
    pub ids: Arc<dyn IdSource>,
    /// Time for records that people read.
    pub clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the state at `path`, checks it, and migrates one of an older format after making a backup beside it.
    ///
    /// Records are checked when they are read, and the structure of the whole file before the first write.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] when there is no file and none is to be made; [`StoreError::Corrupt`] for an empty,
    /// truncated, damaged or foreign file, and for one that is behind what was committed to it;
    /// [`StoreError::WrongKey`], [`StoreError::OtherLineage`] and [`StoreError::TooNew`], with nothing changed;
    /// [`StoreError::Io`] where the file system refuses.
    pub async fn open(path: &Path, options: OpenOptions) -> Result<SqliteStore, StoreError> {
        open_with(path, options, MIGRATIONS).await
    }
}

/// SQLite's pages, unless told otherwise, which a state never is.
const PAGE_BYTES: u64 = 4096;

const OPENING: &str = "opening the state";

/// Opens a state with a given list of migrations.
pub(crate) async fn open_with(
    path: &Path,
    options: OpenOptions,
    migrations: &[Migration],
) -> Result<SqliteStore, StoreError> {
    let paths = Paths::of(path);
    let place = path.display().to_string();
    let doing = Doing {
        place: &place,
        operation: OPENING,
    };
    if !exists(path).map_err(|error| doing.io(error))? {
        match options.access {
            Access::Create(lineage) => create(&paths, lineage, &options, migrations).await?,
            Access::Read | Access::Write => return Err(StoreError::Missing(place)),
        }
    }
    check_header(path, migrate::newest(migrations), doing)?;
    let writable = options.access != Access::Read;
    if writable {
        make_private(path).map_err(|error| doing.io(error))?;
    }
    check_length(&paths, doing)?;
    let note = Note::read(&paths.lock);
    let (mut conn, connect_options) = connect_to(&paths, writable, doing).await?;
    let version = migrate::check_version(&mut conn, migrations, doing).await?;
    let lineage = read_lineage(&mut conn, doing).await?;
    let wanted = match options.access {
        Access::Create(lineage) => options.expected.or(Some(lineage)),
        Access::Read | Access::Write => options.expected,
    };
    if let Some(expected) = wanted.filter(|expected| *expected != lineage) {
        return Err(StoreError::OtherLineage {
            found: lineage,
            expected,
        });
    }
    let codec = codec(&options, lineage, &place);
    let found = check(&mut conn, lineage, &codec, doing).await?;
    check_note(&found, note, lineage, &paths, &codec)?;
    if writable {
        bring_up_to_date(
            &mut conn,
            &found,
            version,
            &Upgrade {
                path,
                migrations,
                options: &options,
                codec: &codec,
                lineage,
                doing,
            },
        )
        .await?;
    } else if version < migrate::newest(migrations) {
        return Err(doing.io("its format is older; a command that writes brings it up to date"));
    }
    Ok(SqliteStore::new(
        paths,
        connect_options,
        conn,
        codec,
        options,
    ))
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(io::Error::other("it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn codec(options: &OpenOptions, lineage: Lineage, place: &str) -> Codec {
    Codec {
        sealer: Sealer::new(&options.key, lineage, options.ids.clone()),
        integrity: Integrity::new(&options.key, lineage, place.to_owned()),
        lineage,
    }
}

/// Looks at the first bytes, so that nothing that is not a state is handed to SQLite, which would write to some of it.
fn check_header(path: &Path, supported: i64, doing: Doing<'_>) -> Result<(), StoreError> {
    let corrupt = |detail: &str| {
        Err(StoreError::Corrupt {
            place: doing.place.to_owned(),
            detail: detail.to_owned(),
        })
    };
    let mut header = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut header))
        .map_err(|error| doing.io(error))?;
    let number = |at: usize| {
        let bytes = header[at..at + 4].try_into().unwrap_or_default();
        u32::from_be_bytes(bytes)
    };
    if header.is_empty() {
        return corrupt("the file is empty");
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return corrupt("the file is not a database");
    }
    if number(68) != APPLICATION_ID {
        return corrupt("the database is not a state of Strata");
    }
    let found = i64::from(number(60));
    if found > supported {
        return Err(StoreError::TooNew { found, supported });
    }
    Ok(())
}

/// A file without a log ends with a whole page. With one it may not, after a crash; the log has the page then.
fn check_length(paths: &Paths, doing: Doing<'_>) -> Result<(), StoreError> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length(&paths.log) == 0 && length(&paths.database) % PAGE_BYTES != 0 {
        return Err(StoreError::Corrupt {
            place: doing.place.to_owned(),
            detail: "the file is cut short".to_owned(),
        });
    }
    Ok(())
}

/// Connects. A state that may only be read, in a directory where SQLite cannot make its shared memory, is read as
/// unchanging: nobody else can write there either.
async fn connect_to(
    paths: &Paths,
    writable: bool,
    doing: Doing<'_>,
) -> Result<(SqliteConnection, SqliteConnectOptions), StoreError> {
    let options = connect_options(&paths.database, writable);
    let first = probe(&options, doing).await;
    if writable || !matches!(first, Err(StoreError::Io { .. })) || paths.log.exists() {
        return first.map(|conn| (conn, options));
    }
    let options = options.immutable(true);
    let conn = probe(&options, doing).await?;
    Ok((conn, options))
}

/// Connects and reads something: SQLite opens its files at the first read.
async fn probe(
    options: &SqliteConnectOptions,
    doing: Doing<'_>,
) -> Result<SqliteConnection, StoreError> {
    let mut conn = connect(options, doing).await?;
    sqlx::query(sql::READ_SCHEMA)
        .fetch_one(&mut conn)
        .await
        .map_err(|error| doing.fault(error))?;
    Ok(conn)
}

async fn read_lineage(
    conn: &mut SqliteConnection,
    doing: Doing<'_>,
) -> Result<Lineage, StoreError> {
    let found: Vec<Vec<u8>> = sqlx::query_scalar(sql::READ_LINEAGES)
        .fetch_all(conn)
        .await
        .map_err(|error| doing.fault(error))?;
    let lineage = match found.as_slice() {
        [one] => str::from_utf8(one).ok().and_then(Lineage::parse),
        _ => None,
    };
    lineage.ok_or_else(|| StoreError::Corrupt {
        place: doing.place.to_owned(),
        detail: "its lineage is not readable".to_owned(),
    })
}

/// Checks the schema of the file and its record of itself.
async fn check(
    conn: &mut SqliteConnection,
    lineage: Lineage,
    codec: &Codec,
    doing: Doing<'_>,
) -> Result<Meta, StoreError> {
    let integrity = &codec.integrity;
    let mut tx = conn.begin().await.map_err(|error| doing.fault(error))?;
    let meta = Meta::read(&mut tx, &lineage_bytes(lineage), integrity, doing).await?;
    let schema_sum = meta::schema_sum(&mut tx)
        .await
        .map_err(|error| doing.fault(error))?;
    if schema_sum != meta.schema_sum {
        return Err(integrity.corrupt("its tables are not those that were made"));
    }
    tx.rollback().await.map_err(|error| doing.fault(error))?;
    Ok(meta)
}

/// Checks the structure of the whole file: every page is where it belongs, and used once.
///
/// Reading needs no such check, because records have checksums. Writing does: in a damaged file a new record could
/// overwrite another.
pub(crate) async fn check_structure(
    conn: &mut SqliteConnection,
    integrity: &Integrity,
    doing: Doing<'_>,
) -> Result<(), StoreError> {
    let findings: Vec<String> = sqlx::query_scalar(sql::QUICK_CHECK)
        .fetch_all(conn)
        .await
        .map_err(|error| doing.fault(error))?;
    match findings.as_slice() {
        [one] if one == "ok" => Ok(()),
        _ => Err(integrity.corrupt(findings.join("; "))),
    }
}

fn check_note(
    meta: &Meta,
    note: Option<Note>,
    lineage: Lineage,
    paths: &Paths,
    codec: &Codec,
) -> Result<(), StoreError> {
    let Some(note) = note.filter(|note| note.lineage == lineage) else {
        return Ok(());
    };
    if meta.serial >= note.serial && meta.fence >= note.fence {
        return Ok(());
    }
    Err(codec.integrity.corrupt(format!(
        "it is at serial {}, and serial {} was committed: its log is lost or damaged, or an older copy was put in its \
         place; whoever wants to go on from the older one removes {}",
        meta.serial,
        note.serial,
        paths.lock.display()
    )))
}

/// What a migration needs to know.
struct Upgrade<'a> {
    path: &'a Path,
    migrations: &'a [Migration],
    options: &'a OpenOptions,
    codec: &'a Codec,
    lineage: Lineage,
    doing: Doing<'a>,
}

/// Makes sure that the file can be written, and migrates one of an older format.
async fn bring_up_to_date(
    conn: &mut SqliteConnection,
    found: &Meta,
    version: i64,
    upgrade: &Upgrade<'_>,
) -> Result<(), StoreError> {
    let doing = upgrade.doing;
    let migrates = version < migrate::newest(upgrade.migrations);
    if migrates {
        check_structure(conn, &upgrade.codec.integrity, doing).await?;
        let label = format!("v{version}-{}", found.serial);
        migrate::back_up(conn, upgrade.path, &label, doing).await?;
    }
    if !migrates {
        return ensure_writable(conn, doing).await;
    }
    let mut tx = migrate::begin_write(conn)
        .await
        .map_err(|error| doing.fault(error))?;
    let lineage = lineage_bytes(upgrade.lineage);
    let integrity = &upgrade.codec.integrity;
    let mut meta = Meta::read(&mut tx, &lineage, integrity, doing).await?;
    let result = async {
        // Another process may have migrated it while this one made its backup.
        let (version, _): (i64, String) = sqlx::query_as(sql::READ_VERSION)
            .fetch_one(&mut *tx)
            .await?;
        let at = upgrade.options.clock.now();
        migrate::migrate(&mut tx, upgrade.migrations, version, at).await?;
        meta.schema_sum = meta::schema_sum(&mut tx).await?;
        meta.write(&mut tx, &lineage, integrity, sql::UPDATE_META)
            .await?;
        tx.commit().await
    };
    result.await.map_err(|error| doing.fault(error))
}

/// Makes sure that the file can be written. One that another process is writing to can be, and is not waited for: who
/// holds the lock is found out, and said, without writing.
async fn ensure_writable(conn: &mut SqliteConnection, doing: Doing<'_>) -> Result<(), StoreError> {
    let fault = |error| doing.fault(error);
    sqlx::query(sql::DO_NOT_WAIT)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
    match migrate::begin_write(conn).await {
        Ok(tx) => tx.rollback().await.map_err(fault)?,
        Err(error) if is_busy(&error) => {}
        Err(error) => return Err(fault(error)),
    }
    sqlx::query(sql::WAIT)
        .execute(&mut *conn)
        .await
        .map_err(fault)?;
    Ok(())
}

/// Makes a state under another name and gives it its own when it is complete, so that a half-made one is never seen.
async fn create(
    paths: &Paths,
    lineage: Lineage,
    options: &OpenOptions,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let place = paths.database.display().to_string();
    let doing = Doing {
        place: &place,
        operation: "making the state",
    };
    if paths.log.exists() {
        return Err(StoreError::Corrupt {
            place,
            detail: "the file is gone, and its write-ahead log is there".to_owned(),
        });
    }
    let bits: String = options
        .ids
        .bits()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let temporary = with_suffix(&paths.database, &format!(".new-{bits}"));
    let files = || -> io::Result<()> {
        make_directory(paths.directory())?;
        private().write(true).create_new(true).open(&temporary)?;
        Ok(())
    };
    files().map_err(|error| doing.io(error))?;
    let made = fill(&temporary, lineage, options, migrations, doing).await;
    let placed = made.and_then(|()| {
        // Unlike a rename, a link never replaces a state that someone else made meanwhile.
        match fs::hard_link(&temporary, &paths.database) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(doing.io(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    });
    let removed = fs::remove_file(&temporary).map_err(|error| doing.io(error));
    placed.and(removed)?;
    sync_directory(paths.directory()).map_err(|error| doing.io(error))
}

async fn fill(
    path: &Path,
    lineage: Lineage,
    options: &OpenOptions,
    migrations: &[Migration],
    doing: Doing<'_>,
) -> Result<(), StoreError> {
    let mut conn = connect(&connect_options(path, true), doing).await?;
    let codec = codec(options, lineage, doing.place);
    let at = options.clock.now();
    let result = async {
        let mut tx = migrate::begin_write(&mut conn).await?;
        migrate::migrate(&mut tx, migrations, 0, at).await?;
        let meta = Meta {
            created_at: at.to_string(),
            serial: 0,
            fence: 0,
            sums: Sums::default(),
            schema_sum: meta::schema_sum(&mut tx).await?,
        };
        meta.write(
            &mut tx,
            &lineage_bytes(lineage),
            &codec.integrity,
            sql::INSERT_META,
        )
        .await?;
        tx.commit().await?;
        // Closing copies the log into the file and removes it.
        conn.close().await
    };
    result.await.map_err(|error| doing.fault(error))
}
