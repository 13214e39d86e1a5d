// The operator restarts two instances one after the other behind a proxy, while orders come.
import { writeFileSync } from "node:fs";

import { ofInstances, startHaproxy } from "../haproxy.mjs";
import { Load } from "../load.mjs";
import { pause, program, until } from "../machine.mjs";
import { Postgres } from "../postgres.mjs";
import { report } from "../report.mjs";
import { Service } from "../service.mjs";
import { send } from "../http.mjs";

/** As the sections of docs/operations.md say. */
const PROXIES = {
  nginx: {
    start: (machine, port, instances) => {
      const file = machine.path("nginx.conf");
      writeFileSync(file, PROXIES.nginx.config(machine, port, instances));
      machine.spawn("nginx", program("nginx", "nginx-light"), ["-p", machine.folder, "-e", "stderr", "-c", file]);
    },
    config: (machine, port, [one, two]) => `
      daemon off; pid ${machine.path("nginx.pid")}; worker_processes 1; error_log stderr;
      ${process.getuid() === 0 ? "user root;" : ""}
      events { worker_connections 1024; }
      http {
        access_log off;
        ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${machine.path(kind)};`).join(" ")}
        upstream orders {
          server 127.0.0.1:${one} max_fails=1 fail_timeout=2s;
          server 127.0.0.1:${two} max_fails=1 fail_timeout=2s;
          keepalive 32;
        }
        server {
          listen 127.0.0.1:${port};
          location / {
            proxy_pass http://orders;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffering off;
          }
        }
      }`,
  },
  HAProxy: {
    start: (machine, port, instances) => startHaproxy(machine, ofInstances(port, instances)),
  },
};

/** The default delay, so that what is measured is what an operator gets. */
const scenario = (name) => async ({ machine, binary, times = 6 }) => {
  const postgres = await Postgres.primary(machine, "postgres");
  const service = new Service(machine, binary, postgres.url);
  await service.prepare();
  const instances = [await service.start("one"), await service.start("two")];
  const port = await machine.port();
  PROXIES[name].start(machine, port, instances.map((instance) => instance.port));
  const base = `http://127.0.0.1:${port}`;
  await until(`${name} answers`, async () => (await send(base, undefined, "GET", "/health/ready")).status === 200);
  const load = new Load(service, [base], instances, { writers: 48, restMs: 1 });
  await load.begin();
  await pause(2000);
  let slowest = 0;
  for (let n = 0; n < times; n++) {
    const instance = instances[n % 2];
    const { code, seconds } = await instance.stop();
    if (code !== 0) throw new Error(`told to stop, ${instance.name} ended with ${code}`);
    slowest = Math.max(slowest, seconds);
    await instance.start();
    // The next one when the proxy has seen that this one is back.
    await pause(4000);
  }
  return report(`rolling restart × ${times} behind ${name}`, load, postgres.url, [`stopped within ${slowest.toFixed(1)} s`]);
};

export const scenarios = Object.keys(PROXIES).map(scenario);
