// A recovery waits for a person: the page shows what differs and until when, and carries the answer.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventJson, QuestionJson } from '../../../src/faces/api/contract.ts'
import { type RunningApi, startApi } from '../../../src/faces/api/server.ts'
import { aClient, aCluster, aQuestion } from '../../made-up.ts'

/** Where Debian has it; another one is named in the environment. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const missing = !existsSync(CHROMIUM)
const ROOT = join(import.meta.dirname, '..', '..', '..')
const TOKEN = 'a-long-secret-token'

const stop = new AbortController()
const listeners = new Set<(event: EventJson) => void>()
const answers: unknown[] = []
let question: QuestionJson | undefined
let api: RunningApi
let browser: Browser
let page: Page

const cluster = () => aCluster({ at: Date.now(), ...(question ? { question } : {}) })

/** As the events of a daemon do it: the cluster is told anew. */
function asks(now: QuestionJson | undefined): void {
  question = now
  for (const listener of listeners) listener({ kind: 'cluster', cluster: cluster() })
}

beforeAll(async () => {
  if (missing) return
  execFileSync(process.execPath, ['scripts/build-web.ts'], { cwd: ROOT })
  api = await startApi({
    listen: { host: '127.0.0.1', port: 0 },
    token: TOKEN,
    client: aClient({
      clusters: async () => [cluster()],
      cluster: async () => cluster(),
      answer: async (id, yes) => {
        answers.push([id, yes])
        asks(undefined)
      },
    }),
    subscribe: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    webDir: join(ROOT, 'src/faces/web/dist'),
    signal: stop.signal,
  })
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  page = await browser.newPage()
  await page.goto(api.url)
})
afterAll(async () => {
  await browser?.close()
  stop.abort()
  await api?.end()
})

test.skipIf(missing)('it shows what differs and the time that is left; a wrong token answers nothing', async () => {
  await page.getByText('1 replica streams').waitFor()
  expect(await page.locator('.question').count()).toBe(0)
  asks(aQuestion({ at: Date.now(), until: Date.now() + 50_000 }))
  await page.getByText(/failover waits for a yes or a no: \d\d s left/).waitFor()
  expect(await page.locator('.question').textContent()).toContain('db3:3306 becomes the primary, not db2:3306')
  await page.getByLabel('Token').fill('wrong')
  await page.getByText('Yes, go on').click()
  await page.getByText('the token is not valid').waitFor()
  expect(answers).toEqual([])
  await page.getByLabel('Token').fill(TOKEN)
  await page.getByText('No, take act 1 back').click()
  await page.locator('.question').waitFor({ state: 'detached' })
  expect(answers).toEqual([['r-9', false]])
})

test.skipIf(missing)('the token is known from then on; past the deadline nothing can be answered', async () => {
  asks(aQuestion({ id: 'r-10', at: Date.now(), until: Date.now() + 50_000 }))
  await page.getByText('Yes, go on').click()
  await page.locator('.question').waitFor({ state: 'detached' })
  expect(answers.at(-1)).toEqual(['r-10', true])
  asks(aQuestion({ id: 'r-11', at: Date.now(), until: Date.now() - 1 }))
  await page.getByText('too late').waitFor()
  expect(await page.getByText('Yes, go on').count()).toBe(0)
})
