// Patroni elects the leader of two servers. It is killed, told to hand over, or frozen; two instances find the next one
// through HAProxy, or by the several hosts in their URL.
import { ofPatroni, startHaproxy } from "../haproxy.mjs";
import { Load } from "../load.mjs";
import { now, pause, say, until } from "../machine.mjs";
import { Cluster } from "../patroni.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";

/** What is done to the leader, and undone when orders are taken again. */
const KILLED = { what: "leader killed", strike: (leader) => leader.kill(), undo: (leader) => leader.start() };
const SWITCHED = { what: "switch-over", strike: (leader, cluster) => cluster.switchOver(leader), undo: () => {} };
const FROZEN = { what: "leader frozen", strike: (leader) => leader.freeze(), undo: (leader) => leader.goOn() };

/** The ways to the leader. */
const byHaproxy = async (machine, nodes) => {
  const port = await machine.port();
  startHaproxy(machine, ofPatroni(port, nodes));
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
};
const byHosts = (_, nodes) =>
  `postgres://postgres@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}/postgres?target_session_attrs=read-write`;

const scenario = (faults, way, most) => async ({ machine, binary, times = most }) => {
  const cluster = await Cluster.start(machine);
  const service = new Service(machine, binary, await way(machine, cluster.nodes));
  await until("the database is reached", () => service.prepare().then(() => true));
  const instances = [await service.start("one"), await service.start("two")];
  const bases = instances.map(({ base }) => base);
  const load = new Load(service, bases, instances);
  await load.begin();
  let slowest = 0;
  for (const { what, strike, undo } of Array.from({ length: times }, () => faults).flat()) {
    await pause(3000);
    const leader = await until("a leader", () => cluster.leader());
    await strike(leader, cluster);
    await until("another leader", async () => ((await cluster.leader()) ?? leader) !== leader, 120);
    const elected = now();
    await until(`orders at both instances: ${what}`, () => bases.every((base) => load.takenAt(base, elected) > 50));
    const back = (now() - elected) / 1000;
    slowest = Math.max(slowest, back);
    say(`${what}: orders at both instances ${back.toFixed(1)} s after there was another leader`);
    await undo(leader);
    await cluster.whole();
  }
  await pause(2000);
  const name = `Patroni, ${faults.map(({ what }) => what).join(", ")} × ${times}, ${way === byHosts ? "several hosts in the URL" : "HAProxy"}`;
  return report(name, load, (await cluster.whole()).url, [`orders back within ${slowest.toFixed(1)} s of another leader`]);
};

export const scenarios = [
  ...[KILLED, SWITCHED, FROZEN].map((fault) => scenario([fault], byHaproxy, 5)),
  scenario([KILLED, SWITCHED, FROZEN], byHosts, 1),
];
