// The disk of the SQLite database is full for a while.
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";

import { Load } from "../load.mjs";
import { now, pause, until } from "../machine.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";

const MIB = 1024 * 1024;

export const scenarios = [
  async ({ machine, binary, times = 15 }) => {
    if (process.getuid() !== 0) throw new Error("a small file system of its own takes root");
    const disk = machine.path("disk");
    execFileSync("mkdir", [disk]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", disk]);
    machine.atEnd(() => execFileSync("umount", ["-l", disk]));
    const service = new Service(machine, binary, `sqlite://${disk}/orders.db`);
    await service.prepare();
    const instance = await service.start("one");
    const load = new Load(service, [instance.base], [instance], { restMs: 50 });
    await load.begin();
    await pause(3000);
    // All that is left, in ever smaller pieces.
    for (const size of [16 * MIB, MIB, 64 * 1024, 4096]) {
      for (let n = 0; ; n++) {
        try {
          writeFileSync(`${disk}/ballast-${size}-${n}`, Buffer.alloc(size));
        } catch {
          break;
        }
      }
    }
    const filled = now();
    await pause(times * 1000);
    const meanwhile = load.takenAt(instance.base, filled + 1000);
    execFileSync("sh", ["-c", `rm "${disk}"/ballast-*`]);
    rmSync(`${disk}/ballast`, { force: true });
    const freed = now();
    await until("orders after there is room again", () => load.takenAt(instance.base, freed) > 0);
    const back = (now() - freed) / 1000;
    await pause(3000);
    const notes = [`${meanwhile} while full`, `first order ${back.toFixed(1)} s after there was room`];
    return report(`SQLite, disk full for ${times} s`, load, service.url, notes);
  },
];
