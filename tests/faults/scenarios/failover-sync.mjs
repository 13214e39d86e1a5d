// The primary is killed under load, and its synchronous standby is promoted behind a name that moves, again and again.
import { Load } from "../load.mjs";
import { now, pause, say, until } from "../machine.mjs";
import { replicated } from "../replicated.mjs";
import { report } from "../report.mjs";

export const scenarios = [
  async ({ machine, binary, times = 20 }) => {
    const { service, instances, bases, name, nodes } = await replicated(machine, binary);
    let { primary, standby } = nodes;
    const load = new Load(service, bases, instances);
    await load.begin();
    for (let n = 0; n < times; n++) {
      await pause(3000);
      await primary.kill();
      const killed = now();
      name.cut();
      await standby.promote();
      name.move(standby);
      primary = standby;
      await until(`orders at both instances after fail-over ${n + 1}`, () => bases.every((base) => load.takenAt(base, killed) > 50));
      say(`orders at both instances after fail-over ${n + 1}`);
      standby = await primary.standby(`node-${n + 2}`);
    }
    await pause(2000);
    return report(`primary killed × ${times}, synchronous standby promoted`, load, primary.url);
  },
];
