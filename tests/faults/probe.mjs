// Asks each instance whether it lives and is ready, in a thread of its own, so that the load's work is not in the figures.
import { Agent } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

import { send } from "./http.mjs";
import { now, pause } from "./machine.mjs";

export const EVERY = 200;
const LIMIT = 5000;
const probed = workerData.map(() => ({ slowest: 0, ready: [] }));
let goes = true;
parentPort.once("message", () => {
  parentPort.postMessage(probed);
  goes = false;
});

workerData.forEach(async (base, n) => {
  const agent = new Agent({ keepAlive: true });
  while (goes) {
    const { status, text, ms } = await send(base, agent, "GET", "/health/live", {}, "", LIMIT);
    // A process that is not there is another matter than one that does not answer.
    if (status !== 0 || text === "timeout") probed[n].slowest = Math.max(probed[n].slowest, ms);
    await pause(50);
  }
  agent.destroy();
});

workerData.forEach(async (base, n) => {
  const agent = new Agent({ keepAlive: true });
  while (goes) {
    const at = now();
    const { status, text } = await send(base, agent, "GET", "/health/ready", {}, "", LIMIT);
    const says = status === 200 ? "ready" : text.includes('"STOPPING"') ? "stopping" : status === 0 && text !== "timeout" ? "gone" : "not ready";
    probed[n].ready.push({ at, until: now(), says });
    await pause(EVERY);
  }
  agent.destroy();
});
