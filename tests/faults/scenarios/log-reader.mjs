// Whoever reads the log stalls, and then dies.
import { execFileSync } from "node:child_process";
import { openSync } from "node:fs";

import { Load } from "../load.mjs";
import { pause, program } from "../machine.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";

/** The log goes into a pipe whose other end is open and never read. */
const scenario = (isDead) => async ({ machine, binary, times = 20 }) => {
  const pipe = machine.path("log-pipe");
  execFileSync(program("mkfifo", "coreutils"), [pipe]);
  const reader = machine.spawn("reader", "/bin/sh", ["-c", `exec sleep 3600 <>"${pipe}"`]);
  const service = new Service(machine, binary, `sqlite://${machine.path("orders.db")}`);
  await service.prepare();
  const instance = await service.start("one", { stdio: (log) => ["ignore", log, openSync(pipe, "a")] });
  const load = new Load(service, [instance.base], [instance], { writers: 4, restMs: 50 });
  await load.begin();
  await pause(1000);
  if (isDead) {
    reader.killAll();
    await reader.ended;
  }
  await pause(times * 1000);
  const notes = [];
  if (!instance.isUp) notes.push(`the process ended (${instance.child.exitCode ?? instance.child.signalCode})`);
  else {
    const { code, seconds } = await instance.stop();
    notes.push(`SIGTERM: ${code} after ${seconds.toFixed(1)} s`);
  }
  // Whatever happened, the unanswered orders are sent again to an instance with a log that can be written.
  instance.stdio = undefined;
  await instance.start();
  const result = await report(`log reader ${isDead ? "dead" : "stalled"} for ${times} s`, load, service.url, notes);
  return { ...result, isGood: result.isGood && notes[0].startsWith("SIGTERM: 0 ") };
};

export const scenarios = [scenario(false), scenario(true)];
