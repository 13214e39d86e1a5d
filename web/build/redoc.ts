import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const MODULE = 'virtual:redoc';
const LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const NOTHING = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';

/**
 * Redoc's finished bundle as a file of its own; `virtual:redoc` gives its address.
 *
 * The bundle fetches one picture from its maker's server: the logo beside "API docs by Redocly". The pages ask no host
 * but their own, so the picture is left out; the line itself stays. A release of Redoc that fetches it from elsewhere
 * stops the build instead of slipping through.
 */
export function redocOffline(): Plugin {
  return {
    name: 'redoc-offline',
    apply: 'build',
    resolveId(id) {
      return id === MODULE ? `\0${MODULE}` : null;
    },
    load(id) {
      if (id !== `\0${MODULE}`) return null;
      const bundle = readFileSync(createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js'), 'utf8');
      if (bundle.split(LOGO).length !== 2) this.error(`${LOGO} is not named once in Redoc's bundle`);
      const source = bundle.replace(LOGO, NOTHING).replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
      const file = this.emitFile({ type: 'asset', name: 'redoc.js', source });
      return `export default import.meta.ROLLUP_FILE_URL_${file};`;
    },
  };
}
