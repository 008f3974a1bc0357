//! Ctrl-C and SIGTERM: the first asks everyone to end cleanly, the second leaves at once.

use std::sync::mpsc;

use harness::Cancel;
use tokio::signal::unix::{SignalKind, signal};

/// A token that the first Ctrl-C uses; from here on no Ctrl-C ends the program by itself.
pub fn on_ctrl_c() -> Cancel {
    let cancel = Cancel::new();
    let asked = cancel.clone();
    let (listens, listening) = mpsc::channel();
    // A thread with a runtime of its own: it must receive the signal whatever the workers are doing.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Ok(mut interrupts) = signal(SignalKind::interrupt()) else { return };
            // What a service is stopped with.
            let Ok(mut terminations) = signal(SignalKind::terminate()) else { return };
            // Whoever waits for this may be gone.
            let _ = listens.send(());
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if asked.is_cancelled() {
                    std::process::exit(130);
                }
                asked.cancel();
            }
        });
    });
    // An error: signals cannot be received here, and Ctrl-C ends the program as it does any other.
    let _ = listening.recv();
    cancel
}
