// An instance on SQLite is killed again and again under load, and started again at once.
import { Load } from "../load.mjs";
import { pause } from "../machine.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";

export const scenarios = [
  async ({ machine, binary, times = 100 }) => {
    const service = new Service(machine, binary, `sqlite://${machine.path("orders.db")}`);
    await service.prepare();
    const instance = await service.start("one");
    const load = new Load(service, [instance.base], [instance]);
    await load.begin();
    for (let n = 0; n < times; n++) {
      // Not always at the same moment of its work.
      await pause(300 + Math.random() * 700);
      await instance.kill();
      await instance.start();
    }
    await pause(1000);
    return report(`SQLite, kill -9 × ${times}`, load, service.url);
  },
];
