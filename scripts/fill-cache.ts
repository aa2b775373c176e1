/**
 * Fills Node's cache of compiled code (NODE_COMPILE_CACHE) with what long-lived processes load: bin/regent imports it before it runs
 * `version`, when a source is newer than the last filling. Nothing is started; what cannot be loaded is told by the verb that needs it.
 */
import { flushCompileCache } from 'node:module'

const loading = [
  () => import('../src/compose-watch.ts'),
  () => import('../src/compose-check.ts'),
  () => import('../src/compose-once.ts'),
  () => import('../src/proxy/process.ts'),
  // Refuses to run outside a worker: after it was compiled.
  () => import('../src/adapters/sqlite/worker.ts'),
]
for (const load of loading) await load().catch(() => undefined)
flushCompileCache()
