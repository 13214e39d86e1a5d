// A network of this process's own: each host is a network namespace behind a cable, and a name leads to one of them.
import { execFileSync } from "node:child_process";
import { readlinkSync, writeFileSync } from "node:fs";

import { program, run, until } from "./machine.mjs";

const NAME = "database";
/** The servers' port: each has a host to itself. */
const PORT = 5432;
/** What says that this process is in namespaces that are its own to change. */
const MARK = "FAULTS_NAMESPACES";
export const isInNamespaces = () => process.env[MARK] === "1";

/** Runs a program in new namespaces; they end, and all that runs in them, when it does or is killed. */
export function inNamespaces(command, args) {
  // Who is not root is root of a user namespace.
  const flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", ...(process.getuid() === 0 ? [] : ["--map-root-user"])];
  return [program("unshare", "util-linux"), [...flags, "--", "env", `${MARK}=1`, command, ...args]];
}

export class Network {
  #hosts = 0;
  address = `${NAME}:${PORT}`;

  /** Makes the network, and the file in which this process's programs look names up. */
  static async here(machine) {
    const network = new Network();
    const hosts = machine.path("hosts");
    writeFileSync(hosts, "127.0.0.1 localhost\n");
    await run("mount", ["--bind", hosts, "/etc/hosts"]);
    const ip = program("ip", "iproute2");
    await run(ip, ["link", "set", "lo", "up"]);
    // A standby's host reaches the primary's through here.
    writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
    return Object.assign(network, { machine, hosts, ip });
  }

  /** Another host. */
  async host() {
    const { machine, ip } = this;
    const n = this.#hosts++;
    const [cable, address, router, lladdr] = [`cable${n}`, `10.99.${n}.2`, `10.99.${n}.1`, `02:00:00:00:00:${String(n + 10)}`];
    const { pid } = machine.spawn(`host-${n}`, "unshare", ["--net", "--", "sleep", "infinity"]);
    const space = (of) => readlinkSync(`/proc/${of}/ns/net`);
    await until("a network namespace", () => space(pid) !== space("self"), 10);
    const wrap = (command, args) => ["nsenter", ["--target", String(pid), "--net", "--", command, ...args]];
    const inside = (...args) => run(...wrap(ip, args));
    await run(ip, ["link", "add", cable, "type", "veth", "peer", "name", "eth0", "address", lladdr, "netns", String(pid)]);
    await run(ip, ["address", "add", `${router}/30`, "dev", cable]);
    await run(ip, ["link", "set", cable, "up"]);
    // As behind a router: nobody is told that the host is no longer there.
    await run(ip, ["neighbour", "replace", address, "lladdr", lladdr, "dev", cable, "nud", "permanent"]);
    await inside("link", "set", "lo", "up");
    await inside("address", "add", `${address}/30`, "dev", "eth0");
    await inside("link", "set", "eth0", "up");
    await inside("route", "add", "default", "via", router);
    return { address, port: PORT, wrap };
  }

  /** From here on nothing that is sent to the server's host arrives, nor what it sends. */
  vanish({ host }) {
    const [command, args] = host.wrap(this.ip, ["link", "set", "eth0", "down"]);
    execFileSync(command, args);
  }

  /** The name leads to that server from here on. */
  move({ host }) {
    writeFileSync(this.hosts, `127.0.0.1 localhost\n${host.address} ${NAME}\n`);
  }
}
