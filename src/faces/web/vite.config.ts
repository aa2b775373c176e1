import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Everything is in the bundle: the page must work where nothing but Regent can be reached. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: { outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 700 },
  server: { proxy: { '/api': 'http://127.0.0.1:3300' } },
})
