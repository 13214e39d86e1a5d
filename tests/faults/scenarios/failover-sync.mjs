// The primary is killed under load, and its synchronous standby is promoted behind a name that moves, again and again.
import { Load } from "../load.mjs";
import { now, pause, say, until } from "../machine.mjs";
import { Postgres } from "../postgres.mjs";
import { Proxy } from "../proxy.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";

export const scenarios = [
  async ({ machine, binary, times = 5 }) => {
    let primary = await Postgres.primary(machine, "node-0");
    let standby = await primary.standby("node-1");
    const name = await Proxy.to(machine, primary.port);
    const service = new Service(machine, binary, `postgres://postgres@127.0.0.1:${name.port}/postgres`);
    await service.prepare();
    const instances = [await service.start("one"), await service.start("two")];
    const bases = instances.map(({ base }) => base);
    const load = new Load(service, bases, instances);
    await load.begin();
    for (let n = 0; n < times; n++) {
      await pause(3000);
      await primary.kill();
      const killed = now();
      name.cut();
      await standby.promote();
      name.move(standby.port);
      primary = standby;
      await until(`orders at both instances after fail-over ${n + 1}`, () => bases.every((base) => load.takenAt(base, killed) > 50));
      say(`orders at both instances after fail-over ${n + 1}`);
      standby = await primary.standby(`node-${n + 2}`);
    }
    await pause(2000);
    return report(`primary killed × ${times}, synchronous standby promoted`, load, primary.url);
  },
];
