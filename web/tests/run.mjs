// Plays a scene in a browser against a running service:  node run.mjs FILE SCENE < stage.json
// What the scene needs, the service's address first of all, comes on standard input. Exits 0 when it went as promised.
import { readFileSync } from 'node:fs';

const [file, scene] = process.argv.slice(2);
const scenes = await import(`./${file}.mjs`);
if (typeof scenes[scene] !== 'function') throw new Error(`there is no scene ${scene} in ${file}.mjs`);
await scenes[scene](JSON.parse(readFileSync(0, 'utf8')));
