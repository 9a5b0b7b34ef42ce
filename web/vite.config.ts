import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  build: {
    // The content security policy is `script-src 'self'`: what Vite would put into the pages, or load as data, stays a
    // file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    target: 'es2022',
    rolldownOptions: {
      input: { index: here('index.html'), docs: here('docs.html') },
    },
  },
  test: {
    include: ['tests/**/*.test.ts'],
  },
});
