// The primary's machine vanishes: nothing that is sent to it arrives, and no connection ends. Its synchronous standby is
// promoted, and the name moves.
import { Load } from "./load.mjs";
import { now, pause, say } from "./machine.mjs";
import { replicated } from "./replicated.mjs";
import { report } from "./report.mjs";

/** How long it is watched whether orders come back. */
const WATCHED = 60_000;

export async function vanishing({ machine, binary, times = 3 }, options = {}) {
  const { service, instances, bases, name, host, nodes } = await replicated(machine, binary, options);
  let { primary, standby } = nodes;
  // So many that every connection that orders have is at work when it happens.
  const load = new Load(service, bases, instances, { writers: 64, restMs: 1 });
  await load.begin();
  let slowest = 0;
  for (let n = 0; n < times; n++) {
    await pause(3000);
    name.vanish(primary);
    await pause(2000);
    await standby.promote();
    name.move(standby);
    const moved = now();
    const isBack = () => bases.every((base) => load.takenAt(base, moved) > 50);
    while (!isBack() && now() < moved + WATCHED) await pause(50);
    slowest = Math.max(slowest, isBack() ? (now() - moved) / 1000 : Infinity);
    await primary.kill();
    primary = standby;
    if (!isBack()) break;
    say(`orders at both instances after loss ${n + 1}`);
    standby = await primary.standby(`node-${n + 2}`, await host());
  }
  // What hangs is to stop all the same, for an operator would restart it.
  const stuck = slowest === Infinity;
  const notes = [stuck ? `orders not back after ${WATCHED / 1000} s, both instances restarted` : `orders back ${slowest.toFixed(1)} s after the name moved`];
  if (stuck) {
    for (const instance of instances) {
      const { code, seconds } = await instance.stop();
      notes.push(`${instance.name} stopped after ${seconds.toFixed(1)} s (${code})`);
      await instance.start();
    }
  }
  await pause(2000);
  const result = await report(`primary vanishes × ${times}${options.isNetwork ? " from the network (namespaces)" : ""}, synchronous standby promoted`, load, primary.url, notes);
  return { ...result, isGood: result.isGood && slowest <= 15 };
}
