// A disk is full for a while: the one of the SQLite database, of PostgreSQL's tables, of the log.
import { execFileSync } from "node:child_process";
import { openSync, readdirSync, rmSync, writeFileSync } from "node:fs";

import { Load } from "../load.mjs";
import { Skipped, now, pause, until } from "../machine.mjs";
import { Postgres } from "../postgres.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";

const MIB = 1024 * 1024;

class Disk {
  /** A small file system at this folder. */
  constructor(machine, folder, size) {
    if (process.getuid() !== 0) throw new Skipped("a small file system of its own takes root");
    this.folder = folder;
    const { uid = 0, gid = 0 } = machine.user;
    execFileSync("mkdir", ["-p", folder]);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=700,uid=${uid},gid=${gid}`, "tmpfs", folder]);
    machine.atEnd(() => execFileSync("umount", ["-l", folder]));
  }

  /** Takes all that is left, in ever smaller pieces. */
  fill() {
    for (const size of [16 * MIB, MIB, 64 * 1024, 4096]) {
      for (let n = 0; ; n++) {
        try {
          writeFileSync(`${this.folder}/ballast-${size}-${n}`, Buffer.alloc(size));
        } catch {
          break;
        }
      }
    }
  }

  free() {
    for (const name of readdirSync(this.folder)) if (name.startsWith("ballast-")) rmSync(`${this.folder}/${name}`);
  }
}

/** What the database's disk holds; gives the database's address. */
const SQLITE = async (machine) => {
  const disk = new Disk(machine, machine.path("disk"), "64m");
  return { what: "SQLite, disk full", disk, url: `sqlite://${disk.folder}/orders.db` };
};
// The log of PostgreSQL is elsewhere, as it should be: without room for that, PostgreSQL ends itself.
const POSTGRES = async (machine) => {
  const disk = new Disk(machine, machine.path("postgres"), "96m");
  const { url } = await Postgres.primary(machine, "postgres", { wal: machine.userFolder("wal") });
  return { what: "PostgreSQL, disk of its tables full", disk, url };
};

const ofDatabase = (make) => async ({ machine, binary, times = 15 }) => {
  const { what, disk, url } = await make(machine);
  const service = new Service(machine, binary, url);
  await service.prepare();
  const instance = await service.start("one");
  const load = new Load(service, [instance.base], [instance], { restMs: 50 });
  await load.begin();
  await pause(3000);
  disk.fill();
  const filled = now();
  await pause(times * 1000);
  const meanwhile = load.takenAt(instance.base, filled + 1000);
  disk.free();
  const freed = now();
  await until("orders after there is room again", () => load.takenAt(instance.base, freed) > 0);
  const back = (now() - freed) / 1000;
  await pause(3000);
  const notes = [`${meanwhile} while full`, `first order ${back.toFixed(1)} s after there was room`];
  return report(`${what} for ${times} s`, load, service.url, notes);
};

/** The log is a file on the full disk. */
async function ofLog({ machine, binary, times = 15 }) {
  const disk = new Disk(machine, machine.path("disk"), "1m");
  const service = new Service(machine, binary, `sqlite://${machine.path("orders.db")}`);
  await service.prepare();
  const instance = await service.start("one", { stdio: (log) => ["ignore", log, openSync(`${disk.folder}/log`, "a")] });
  const load = new Load(service, [instance.base], [instance], { writers: 4, restMs: 50 });
  await load.begin();
  await pause(1000);
  disk.fill();
  await pause(times * 1000);
  disk.free();
  const lines = () => Number(execFileSync("grep", ["-c", "", `${disk.folder}/log`]).toString());
  const before = lines();
  await until("log lines after there is room again", () => lines() > before, 10);
  const { code, seconds } = await instance.stop();
  const notes = [`SIGTERM: ${code} after ${seconds.toFixed(1)} s`];
  // What it left unanswered is sent again to the next one.
  instance.stdio = undefined;
  await instance.start();
  const result = await report(`disk of the log full for ${times} s`, load, service.url, notes);
  return { ...result, isGood: result.isGood && code === 0 };
}

export const scenarios = [ofDatabase(SQLITE), ofDatabase(POSTGRES), ofLog];
