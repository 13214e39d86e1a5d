// The processes of servers, found by the folder that they work in: PostgreSQL's have groups of their own, and whoever
// started them may be gone.
import { readdirSync, readlinkSync } from "node:fs";

const isIn = (folder) => (pid) => {
  try {
    const at = readlinkSync(`/proc/${pid}/cwd`);
    return at === folder || at.startsWith(`${folder}/`);
  } catch {
    // Gone, or somebody else's.
    return false;
  }
};

/** Sends a signal to everything that works in this folder, until nothing new has come up there. */
export function signalAll(folder, signal = "SIGKILL") {
  const told = new Set();
  for (;;) {
    const found = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && !told.has(name)).filter(isIn(folder));
    if (!found.length) return;
    for (const pid of found) {
      told.add(pid);
      try {
        process.kill(Number(pid), signal);
      } catch {
        // Gone meanwhile.
      }
    }
  }
}
