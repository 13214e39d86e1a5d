// Two instances at a primary with a synchronous standby, behind a name that can move.
import { Network } from "./network.mjs";
import { Postgres } from "./postgres.mjs";
import { Proxy } from "./proxy.mjs";
import { Service } from "./service.mjs";

/**
 * Gives the service, the servers and the name. The name is a proxy on this machine, or with `isNetwork` a name of a network in
 * which each server has a host of its own.
 */
export async function replicated(machine, binary, { isNetwork = false } = {}) {
  const network = isNetwork ? await Network.here(machine) : undefined;
  const host = () => network?.host();
  const primary = await Postgres.primary(machine, "node-0", { host: await host() });
  const standby = await primary.standby("node-1", await host());
  const name = network ?? (await Proxy.to(machine, primary));
  network?.move(primary);
  const service = new Service(machine, binary, `postgres://postgres@${name.address}/postgres`);
  await service.prepare();
  const instances = [await service.start("one"), await service.start("two")];
  const bases = instances.map(({ base }) => base);
  return { service, instances, bases, name, host, nodes: { primary, standby } };
}
