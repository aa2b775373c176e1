import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { answerUnknownPath } from './answers.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}

/** Nothing comes from elsewhere, nothing frames it: the page can do no more than its own files say. */
export const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Regent</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<body style="font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem">
<h1>Regent runs; its page is not built yet</h1>
<p>Build it once in the checkout, then load this page again:</p><pre>npm run build:web</pre>
<p>The API answers meanwhile: <a href="/api/v1/clusters">/api/v1/clusters</a>.</p></body></html>
`

/** The page's files, from one folder. They hold nothing secret, so they need no token: the page asks for one where reads need it. */
export async function addPages(app: FastifyInstance, webDir: string): Promise<void> {
  app.get('/', { schema: { hide: true } }, (_, reply) => sendFile(reply, webDir, 'index.html'))
  app.get<{ Params: { '*': string } }>('/assets/*', { schema: { hide: true } }, ({ params }, reply) =>
    sendFile(reply, join(webDir, 'assets'), params['*']),
  )
}

/** Out of one folder, by whatever path. */
async function sendFile(reply: FastifyReply, folder: string, name: string): Promise<FastifyReply> {
  const path = normalize(join(folder, name))
  if (!path.startsWith(normalize(folder) + sep)) return answerUnknownPath(reply.request, reply)
  const content = await readFile(path).catch(() => undefined)
  reply.headers(PAGE_HEADERS)
  if (content === undefined)
    return name === 'index.html'
      ? reply.code(503).header('cache-control', 'no-store').type('text/html; charset=utf-8').send(NOT_BUILT)
      : answerUnknownPath(reply.request, reply)
  // Names of assets carry a digest of their content; the page itself must always be the newest.
  const keep = name === 'index.html' ? 'no-cache' : 'public, max-age=31536000, immutable'
  return reply
    .header('cache-control', keep)
    .type(TYPES[extname(path)] ?? 'application/octet-stream')
    .send(content)
}
