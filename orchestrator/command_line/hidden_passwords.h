// Passwords among the arguments are nobody else's: `ps` shows a command line to everybody. Main thread,
// first.
#pragma once

namespace crossfade::orchestrator {

/// Overwrites them in place, in URLs and in key/value strings.
void hide_passwords(int argc, char** argv);

}  // namespace crossfade::orchestrator
