import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig, type EnvironmentOptions, type Plugin } from 'vite';

const root = import.meta.dirname;

/** One page with everything it needs in its own folder: gateway and desk are served by different processes. */
function page(name: 'gateway' | 'desk'): EnvironmentOptions {
  return {
    consumer: 'client',
    build: {
      outDir: resolve(root, '../dist/dashboard'),
      emptyOutDir: false,
      assetsDir: `${name}/assets`,
      // Data URLs would need an exception in the Content-Security-Policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      sourcemap: false,
      rollupOptions: {
        input: {
          index: resolve(root, name, 'index.html'),
          ...(name === 'desk' ? { sw: resolve(root, 'desk/sw.ts') } : {}),
        },
        output: {
          // A service worker's name must not change, and it sees only what lies beside it and below.
          entryFileNames: ({ name: entry }) => (entry === 'sw' ? `${name}/sw.js` : `${name}/assets/[name]-[hash].js`),
          // What changes rarely is kept by browsers over updates; naive-ui comes with the first page that needs it.
          manualChunks: (id) =>
            /node_modules\/(@?vue|vue-i18n|vue-router|@intlify)\b/.test(id) && !id.includes('vueuc')
              ? 'vue'
              : undefined,
        },
      },
    },
  };
}

/**
 * JSMpeg's package puts a `<style>` into the page for buttons that we do not show; the Content-Security-Policy refuses it
 * with a complaint for everybody to see. Fails the build when a new version does it another way.
 */
function withoutInjectedStyle(): Plugin {
  return {
    name: 'without-injected-style',
    transform: (code, id) => {
      if (!id.includes('@cycjimmy/jsmpeg-player')) return null;
      const call = /^styleInject\(css_\w+\);$/m;
      if (!call.test(code)) throw new Error('jsmpeg-player: look again at how it brings its style');
      return { code: code.replace(call, ''), map: null };
    },
  };
}

// Vite reads a default export; it is the one exception to named exports.
export default defineConfig({
  root,
  // Relative, so that the pages work behind a reverse proxy under any path.
  base: './',
  publicDir: false,
  plugins: [vue(), withoutInjectedStyle()],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  experimental: {
    // Each page's folder becomes the root of its own server: what its index.html names stands beside it.
    renderBuiltUrl: (filename, { hostType }) =>
      hostType === 'html' ? filename.replace(/^(gateway|desk)\//, './') : { relative: true },
  },
  environments: { gateway: page('gateway'), desk: page('desk') },
  builder: {
    buildApp: async (builder) => {
      // Both write into one folder, so neither may empty it; names of an earlier build would pile up.
      rmSync(resolve(root, '../dist/dashboard'), { recursive: true, force: true });
      for (const name of ['gateway', 'desk']) {
        const environment = builder.environments[name];
        if (environment) await builder.build(environment);
      }
    },
  },
});
