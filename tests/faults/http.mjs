// Requests as a stock client makes them.
import { request } from "node:http";

/** Sends a request; gives its status, headers, text and milliseconds. Status 0 is a connection that broke: `text` says how. */
export function send(base, agent, method, path, headers = {}, body = "", limit = 15_000) {
  const { hostname: host, port } = new URL(base);
  const started = performance.now();
  return new Promise((done) => {
    const finish = (status, text, headers = {}) => done({ status, text, headers, ms: performance.now() - started });
    const all = { ...headers, "content-length": Buffer.byteLength(body) };
    const sent = request({ host, port, agent, method, path, headers: all }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => finish(answer.statusCode, Buffer.concat(chunks).toString(), answer.headers));
      answer.on("error", (error) => finish(0, error.code ?? "broken"));
    });
    const timer = setTimeout(() => sent.destroy(Object.assign(new Error(), { code: "timeout" })), limit);
    sent.on("close", () => clearTimeout(timer));
    sent.on("error", (error) => finish(0, error.code ?? "broken"));
    sent.end(body);
  });
}

export const json = { "content-type": "application/json" };
