import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Playing, playStory } from './play.ts'

/** Where Debian has it; another one is named in the environment. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const missing = !existsSync(CHROMIUM)
if (missing)
  console.warn(`the page is not tested: there is no ${CHROMIUM} (apt-get install chromium, or CHROMIUM=path)`)

const ROOT = join(import.meta.dirname, '..', '..', '..')
const stop = new AbortController()
let playing: Playing
let browser: Browser
let page: Page
const complaints: string[] = []

beforeAll(async () => {
  if (missing) return
  execFileSync(process.execPath, ['scripts/build-web.ts'], { cwd: ROOT })
  playing = await playStory(stop.signal)
  playing.show('healthy')
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('request', (request) => request.url().startsWith(playing.api.url) || complaints.push(request.url()))
  await page.goto(playing.api.url)
})

afterAll(async () => {
  await browser?.close()
  stop.abort()
  await playing?.api.end()
})

const says = async (selector: string): Promise<string> => (await page.locator(selector).textContent()) ?? ''
const becomes = (selector: string, expected: RegExp): Promise<void> =>
  expect.poll(() => says(selector), { timeout: 10_000 }).toMatch(expected)

test.skipIf(missing)(
  'the page tells an incident as it happens, from the healthy cluster to the returned server',
  async () => {
    await becomes('.head', /healthy.*127\.0\.0\.1:31333 leads.*live/s)
    expect(await page.locator('.react-flow__node-server').count()).toBe(4)
    expect(await says('.card-primary')).toMatch(/31333.*takes writes/s)

    playing.show('failing')
    await becomes('.card-dead', /31333.*refuses connections/s)
    await becomes('.head .badge', /failover runs/)
    await becomes('.story', /Failover of 127\.0\.0\.1:31333.*act 2 runs.*seal 127\.0\.0\.1:15010/s)
    await becomes('.proof', /new connections to the primary are refused.*reports a refusal/s)

    playing.show('recovered')
    await becomes('.card-primary', /15010.*takes writes/s)
    await becomes('.story', /done.*new primary.*15010.*writable again after.*attach 127\.0\.0\.1:15870/s)
    await becomes('.writer', /acknowledged\s*\d/)

    playing.show('rejoined')
    await expect.poll(() => page.locator('.card-dead').count()).toBe(0)
    await page.getByRole('button', { name: /Rejoin.*31333/ }).click()
    await becomes('.story', /Rejoin of 127\.0\.0\.1:31333/)
    expect(complaints).toEqual([])
  },
)

test.skipIf(missing)('a refusal is shown with its reason and the way out', async () => {
  playing.show('refused')
  await becomes('.verdict', /the next one is allowed after 600 s.*regent failover sandbox/s)
  await becomes('.flags', /needs you/)
})

test.skipIf(missing)(
  'standing orders stand where they hold: a pause in the head, an unfencing on its server',
  async () => {
    playing.show('rejoined')
    const until = Date.UTC(2099, 0, 1, 12)
    const order = { reason: 'the fork is kept', by: 'root', from: 0, until }
    playing.change((cluster) => ({
      ...cluster,
      paused: { reason: 'storage work', by: 'eve', until },
      servers: cluster.servers.map((s) =>
        s.address.endsWith(':31333') ? { ...s, orders: [{ ...order, kind: 'unfence' }] } : s,
      ),
    }))
    await becomes('.flags', /paused until .* by eve: storage work/)
    await becomes('.card:has-text("31333")', /unfenced until /)
    await becomes('.troubles', /31333: unfenced until .* by root: the fork is kept\s*regent fence 127\.0\.0\.1:31333/)
    playing.show('rejoined')
    await expect.poll(() => page.locator('.card', { hasText: 'unfenced' }).count()).toBe(0)
  },
)

test.skipIf(missing)('what is wrong with a server is said with what to try, as long as it is wrong', async () => {
  playing.change((cluster) => ({
    ...cluster,
    servers: cluster.servers.map((s) =>
      s.address.endsWith(':31333')
        ? {
            ...s,
            findings: [{ finding: 'applier_stopped', because: 'its applier is stopped', tryThis: 'START REPLICA' }],
          }
        : s.role === 'primary'
          ? s
          : { ...s, look: 'denied', why: { says: `${s.address} does not let us in`, tryThis: 'regent grants' } },
    ),
  }))
  await becomes('.troubles', /31333: its applier is stopped\s*START REPLICA/)
  await becomes('.troubles', /does not let us in\s*regent grants/)
  playing.show('rejoined')
  await expect.poll(() => page.locator('.troubles', { hasText: 'START REPLICA' }).count()).toBe(0)
})

test.skipIf(missing)('the page comes back by itself when Regent does', async () => {
  const { port } = playing.api.listen
  await playing.api.end()
  await becomes('.connection', /no connection/)
  playing = await playStory(stop.signal, port)
  playing.show('healthy')
  await becomes('.connection', /live/)
  await becomes('.head .badge', /healthy/)
})

test.skipIf(missing)('on a phone nothing but the tree is wider than the screen', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
  expect(await page.evaluate("document.querySelector('.scroll').scrollWidth")).toBeGreaterThan(390)
})
