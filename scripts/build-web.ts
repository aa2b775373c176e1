/** Builds the page, unless what is there is newer than all its sources. `--force` builds it anyway. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const ROOT = join(import.meta.dirname, '..')
const WEB = join(ROOT, 'src', 'faces', 'web')
const BUILT = join(WEB, 'dist', 'index.html')
const CONFIG = join(WEB, 'vite.config.ts')

/** The lock file too: another version of a library is another page. */
function newestSource(): number {
  const files = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^(dist|testing)(\/|$)/.test(name))
    .map((name) => join(WEB, name))
  return Math.max(...[...files, join(ROOT, 'package-lock.json')].map((path) => statSync(path).mtimeMs))
}

const fresh = existsSync(BUILT) && statSync(BUILT).mtimeMs >= newestSource()
if (!fresh || process.argv.includes('--force')) {
  process.stderr.write('building the page\n')
  // A test runner calls itself `test`, and Vite would build the slow, talkative form of React for it.
  process.env['NODE_ENV'] = 'production'
  await build({ configFile: CONFIG, logLevel: 'warn' })
}
