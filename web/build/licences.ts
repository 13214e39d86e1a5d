import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, ResolvedConfig } from 'vite';

/** Where the licences of everything in the pages can be read; the landing page links it. */
export const LICENCES = 'assets/licences.md';

/** Redoc comes as a bundle with a list of its own of whom it was made of; Vite sees one package and lists that. */
export function licences(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'licences',
    apply: 'build',
    configResolved(resolved) {
      config = resolved;
    },
    closeBundle: {
      order: 'post',
      sequential: true,
      handler() {
        const redoc = join(config.root, 'node_modules/redoc/bundles/redoc.standalone.js.LICENSE.txt');
        const list = `\n## In Redoc's bundle\n\n\`\`\`\n${readFileSync(redoc, 'utf8').trim()}\n\`\`\`\n`;
        appendFileSync(join(config.root, config.build.outDir, LICENCES), list);
      },
    },
  };
}
