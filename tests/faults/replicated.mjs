// Two instances at a primary with a synchronous standby, behind a name that can move.
import { Postgres } from "./postgres.mjs";
import { Proxy } from "./proxy.mjs";
import { Service } from "./service.mjs";

export async function replicated(machine, binary) {
  const primary = await Postgres.primary(machine, "node-0");
  const standby = await primary.standby("node-1");
  const name = await Proxy.to(machine, primary.port);
  const service = new Service(machine, binary, `postgres://postgres@127.0.0.1:${name.port}/postgres`);
  await service.prepare();
  const instances = [await service.start("one"), await service.start("two")];
  const bases = instances.map(({ base }) => base);
  return { service, instances, bases, name, nodes: { primary, standby } };
}
