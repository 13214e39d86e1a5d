import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { compress } from './build/compress.ts';
import { LICENCES, licences } from './build/licences.ts';
import { redocOffline } from './build/redoc.ts';

const page = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** GraphiQL's worker set-up tells the console about each worker; nobody reads that here. */
const quietWorkers: Plugin = {
  name: 'quiet-workers',
  enforce: 'pre',
  transform(code, id) {
    if (!id.includes('@graphiql/react/dist/setup-workers/')) return null;
    return { code: code.replace(/console\.info\([^;]*\);/, ''), map: null };
  },
};

export default defineConfig({
  plugins: [quietWorkers, redocOffline(), licences(), compress()],
  build: {
    target: 'es2022',
    // A small picture inlined as data would want an exception in the pages' Content-Security-Policy.
    assetsInlineLimit: 0,
    license: { fileName: LICENCES },
    // Monaco is one editor; it loads after the page is there.
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onwarn(warning, warn) {
        // React's directives ("use client") mean nothing to a page that has no server part.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
      input: {
        landing: page('index.html'),
        docs: page('docs/index.html'),
        try: page('docs/try/index.html'),
        signature: page('docs/signature/index.html'),
        dashboard: page('dashboard/index.html'),
        graphiql: page('graphiql/index.html'),
      },
    },
  },
  worker: { format: 'es' },
  experimental: {
    // Pages name files from the root, below which the server puts its prefix; files name each other from where they are.
    renderBuiltUrl: (_, { hostType }) => (hostType === 'html' ? undefined : { relative: true }),
  },
});
