// HAProxy with a configuration of a scenario's own.
import { writeFileSync } from "node:fs";

import { program } from "./machine.mjs";

const HEAD = `
global
  maxconn 1024
defaults
  timeout connect 2s
`;

/** In front of instances, as docs/operations.md says. */
export const ofInstances = (port, instances) => `${HEAD}
  mode http
  timeout client 60s
  timeout server 60s
  option redispatch 1
  retries 3
listen orders
  bind 127.0.0.1:${port}
  option httpchk GET /health/ready
  default-server check inter 1s fall 2 rise 1
${instances.map((at, n) => `  server instance-${n} 127.0.0.1:${at}`).join("\n")}
`;

/** In front of servers that Patroni runs, as docs/operations.md says: it leads to the one that is the leader. */
export const ofPatroni = (port, nodes) => `${HEAD}
  mode tcp
  timeout client 30m
  timeout server 30m
listen primary
  bind 127.0.0.1:${port}
  option httpchk GET /primary
  http-check expect status 200
  default-server inter 1s fall 3 rise 2 on-marked-down shutdown-sessions
${nodes.map(({ name, port, rest }) => `  server ${name} 127.0.0.1:${port} check port ${rest}`).join("\n")}
`;

export function startHaproxy(machine, config) {
  const file = machine.path("haproxy.cfg");
  writeFileSync(file, config);
  return machine.spawn("haproxy", program("haproxy", "haproxy"), ["-db", "-f", file]);
}
