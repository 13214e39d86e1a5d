// What a scenario starts on this machine, and how all of it goes away again: directories, ports, programs, mounts.
import { execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { signalAll } from "./processes.mjs";

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
/** Milliseconds, the same in every thread. */
export const now = () => performance.timeOrigin + performance.now();
/** What this machine cannot do; the scenario is left out by name. */
export class Skipped extends Error {}
/** Runs a program to its end, while everything else goes on; gives what it printed. */
export async function run(command, args, options = {}) {
  try {
    return (await promisify(execFile)(command, args, { maxBuffer: 2 ** 30, timeout: 120_000, killSignal: "SIGKILL", ...options })).stdout;
  } catch (error) {
    throw new Error(`${args[0] === "--database-url" ? args[2] : command} failed: ${(error.stderr || error.message).trim().split("\n").at(-1)}`);
  }
}
export const say = (text) => process.stderr.write(`faults: ${text}\n`);

/** Waits for something that must come; fails after the deadline with its name. */
export async function until(what, isSo, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      const value = await isSo();
      if (value) return value;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error(`it did not come within ${seconds} s: ${what}`);
    await pause(50);
  }
}

// ---- programs of the system

const PLACES = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"];
const find = (program) => PLACES.map((place) => join(place, program)).find(existsSync);

/** The path of a program, installed from Debian's packages where it is missing. Nothing that a package starts is started. */
export function program(name, ...packages) {
  if (!find(name)) {
    if (process.getuid() !== 0) throw new Error(`${name} is missing: install ${packages.join(" ")}, or run as root`);
    say(`installing ${packages.join(" ")}`);
    const policy = "/usr/sbin/policy-rc.d";
    const own = !existsSync(policy);
    if (own) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    try {
      const run = (...args) =>
        execFileSync("apt-get", args, { stdio: ["ignore", 2, 2], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
      run("update", "-q");
      run("install", "-qy", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", ...packages);
    } finally {
      if (own) unlinkSync(policy);
    }
  }
  const path = find(name);
  if (!path) throw new Error(`${packages.join(" ")} has no ${name}`);
  return path;
}

// ---- one scenario's own

export class Machine {
  #children = new Set();
  #endings = [];

  constructor(name) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), `sales-order-faults-${name}.`)));
    // Servers that refuse root run as somebody else, who must come to their own folders in here.
    chmodSync(this.folder, 0o755);
    this.endAtOnce = () => this.#kill();
    process.once("exit", this.endAtOnce);
  }

  /** The user that PostgreSQL's programs run as: root may not run them. */
  get user() {
    if (process.getuid() !== 0 || this.#isOnlyUser) return {};
    const id = (flag, name) => Number(execFileSync("id", [flag, name]).toString());
    const name = (() => {
      try {
        execFileSync("id", ["postgres"], { stdio: "ignore" });
        return "postgres";
      } catch {
        return "nobody";
      }
    })();
    return { uid: id("-u", name), gid: id("-g", name) };
  }

  /** In a user namespace that maps one user, root cannot become anybody else there. */
  get #isOnlyUser() {
    return /^\s*0\s+\d+\s+1\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
  }

  /** What runs a program as that user. */
  asUser(command, args) {
    const { uid, gid } = this.user;
    if (uid !== undefined) return ["setpriv", ["--reuid", uid, "--regid", gid, "--clear-groups", "--", command, ...args].map(String)];
    if (process.getuid() === 0) return ["unshare", ["--user", "--map-user=1", "--map-group=1", "--", command, ...args]];
    return [command, args];
  }

  path(...parts) {
    return join(this.folder, ...parts);
  }

  /** A folder of that user's own. */
  userFolder(name) {
    const folder = this.path(name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, gid } = this.user;
    if (uid !== undefined) chownSync(folder, uid, gid);
    return folder;
  }

  /** A port that is free now. */
  async port() {
    const server = createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
  }

  /** Starts a program in a process group of its own. Its output goes to the file NAME.log. */
  spawn(name, command, args, { cwd = this.folder, env = {}, stdio, ...options } = {}) {
    const log = openSync(this.path(`${name}.log`), "a");
    const child = spawn(command, args, {
      cwd, env: { PATH: process.env.PATH, ...env }, stdio: stdio?.(log) ?? ["ignore", log, log], detached: true, ...options,
    });
    closeSync(log);
    child.ended = new Promise((done) => child.once("exit", (code, signal) => done(code ?? signal)));
    child.once("error", (error) => say(`${name}: ${error.message}`));
    child.killAll = (signal = "SIGKILL") => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // Gone already.
      }
    };
    this.#children.add(child);
    return child;
  }

  /** Something to undo at the end. */
  atEnd(ending) {
    this.#endings.push(ending);
  }

  #killAll() {
    for (const child of this.#children) {
      child.killAll("SIGCONT");
      child.killAll();
    }
    // Servers give their children groups of their own, and Patroni gives PostgreSQL to nobody.
    signalAll(this.folder);
  }

  #kill() {
    this.#killAll();
    for (const ending of this.#endings.splice(0).reverse()) {
      try {
        ending();
      } catch (error) {
        say(error.message);
      }
    }
    if (!process.env.FAULTS_KEEP) rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Ends everything that was started and removes the folder. */
  async end() {
    process.removeListener("exit", this.endAtOnce);
    this.#killAll();
    await Promise.all([...this.#children].map((child) => (child.exitCode ?? child.signalCode ?? !child.pid) || child.ended));
    this.#kill();
  }
}
