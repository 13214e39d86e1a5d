// The primary's host vanishes from the network: each server has a network namespace, the cable of the primary's is pulled, and
// the name leads to the standby's address.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { Skipped, run } from "../machine.mjs";
import { inNamespaces, isInNamespaces } from "../network.mjs";
import { vanishing } from "../vanishing.mjs";

/** The same scenario once more, in a process that may change its network. */
async function again({ machine, binary, times = 3 }) {
  try {
    await run(...inNamespaces("ip", ["link", "add", "cable", "type", "veth", "peer", "name", "eth0"]));
  } catch (error) {
    throw new Skipped(`no network of its own can be had here (${error.message})`);
  }
  const runner = fileURLToPath(new URL("../run.mjs", import.meta.url));
  const [command, args] = inNamespaces(process.execPath, [runner, binary, `vanish-netns=${times}`]);
  const child = machine.spawn("again", command, args, { env: { ...process.env, TMPDIR: machine.folder }, stdio: (log) => ["ignore", log, 2] });
  const code = await child.ended;
  const row = readFileSync(machine.path("again.log"), "utf8").trim().split("\n").at(-1);
  return { row, isGood: code === 0 };
}

export const scenarios = [(context) => (isInNamespaces() ? vanishing(context, { isNetwork: true }) : again(context))];
