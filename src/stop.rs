//! Ctrl-C: the first asks everyone to end cleanly, the second leaves at once.

use harness_core::Cancel;

/// A token that the first Ctrl-C uses.
pub fn on_ctrl_c() -> Cancel {
    let cancel = Cancel::new();
    let asked = cancel.clone();
    // A thread with a runtime of its own: it must hear the signal whatever the workers are doing.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if asked.is_cancelled() {
                    std::process::exit(130);
                }
                asked.cancel();
            }
        });
    });
    cancel
}
