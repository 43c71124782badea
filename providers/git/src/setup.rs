//! The library's global settings.

use std::sync::Once;

use git2::{ConfigLevel, opts};

const CONNECT_TIMEOUT_MS: i32 = 30_000;
const SERVER_TIMEOUT_MS: i32 = 120_000;

/// Does what must be done before a program starts threads: tells OpenSSL, through the environment, where the machine has
/// its certificates. libgit2's bindings do it too when they are first used, and change nothing then.
///
/// That first use reads all certificates, which takes longer than a small plan: it comes when it is needed. The second
/// call of this does nothing.
#[expect(
    unsafe_code,
    reason = "the environment is changed before there is a second thread that could read it"
)]
pub fn prepare() {
    static ONCE: Once = Once::new();
    // SAFETY: there is one thread, as the caller vouches.
    ONCE.call_once(|| unsafe { openssl_probe::init_openssl_env_vars() });
}

/// Makes libgit2 deaf to the machine's configuration and gives its connections time limits. Every function of this crate
/// that uses it calls this first; the second call does nothing.
pub(crate) fn ready() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A setting that cannot be made leaves the library's default, which is safe as well: these settings keep the
        // configuration of the machine from having an effect, and no configuration makes libgit2 start a process.
        drop(set_globals());
        opts::strict_hash_verification(true);
        opts::strict_object_creation(true);
    });
}

#[expect(
    unsafe_code,
    reason = "libgit2 keeps these settings in globals without locks; this runs once, before the first other use of the \
              library, which this crate alone uses and only after calling it"
)]
fn set_globals() -> Result<(), git2::Error> {
    let levels = [
        ConfigLevel::System,
        ConfigLevel::Global,
        ConfigLevel::XDG,
        ConfigLevel::ProgramData,
    ];
    // SAFETY: `Once` lets nobody else into the library until this returns.
    unsafe {
        for level in levels {
            opts::set_search_path(level, "")?;
        }
        opts::set_server_connect_timeout_in_milliseconds(CONNECT_TIMEOUT_MS)?;
        opts::set_server_timeout_in_milliseconds(SERVER_TIMEOUT_MS)?;
        // Whose directory it is does not matter to someone who obeys nothing that is in it.
        opts::set_verify_owner_validation(false)
    }
}
