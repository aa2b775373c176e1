import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Client, EventJson } from './contract.ts'
import {
  answer,
  asCommand,
  command,
  forget,
  listing,
  named,
  nothing,
  numbered,
  pause,
  resume,
  writer,
} from './schemas.ts'

export interface Routed {
  readonly client: Client
  /** Shown to everybody who follows the events. */
  readonly tell: (event: EventJson) => void
}

const READ = { need: 'read' } as const
const CHANGE = { need: 'change' } as const

/** Everything under /api/v1 but the stream of events. Reads are GET; what changes something is POST. A plan changes nothing. */
export async function addRoutes(plain: FastifyInstance, { client, tell }: Routed): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  addReads(app, client)
  addOrders(app, client)
  app.post(
    '/clusters/:name/plan',
    {
      config: READ,
      schema: { params: named, body: command, tags: ['change'], summary: 'the plan and its vetoes; changes nothing' },
    },
    ({ params, body }) => client.plan(params.name, asCommand(body)),
  )
  app.post(
    '/clusters/:name/run',
    {
      config: CHANGE,
      schema: {
        params: named,
        body: command,
        tags: ['change'],
        summary: 'runs it; answers when it has ended: `kind` says how. It may ask in between',
      },
    },
    ({ params, body }) => client.run(params.name, asCommand(body)),
  )
  addQuestions(app, client)
  app.post(
    '/writer',
    {
      config: CHANGE,
      schema: { body: writer, tags: ['events'], summary: 'what a demo writer remembers; told to all followers' },
    },
    ({ body }, reply) => {
      tell({ kind: 'writer', ...body })
      return reply.code(204).send()
    },
  )
}

/** Asked while `run` has not answered yet: whoever runs a plan looks here for what it asks, under the id that the plan has. */
function addQuestions(app: App, client: Client): void {
  app.get(
    '/recoveries/:id/question',
    {
      config: READ,
      schema: {
        params: numbered,
        querystring: nothing,
        tags: ['change'],
        summary: 'what a running recovery asks: its second act is not as shown. 204 while it asks nothing',
      },
    },
    async ({ params }, reply) => (await client.question(params.id)) ?? reply.code(204).send(),
  )
  app.post(
    '/recoveries/:id/answer',
    {
      config: CHANGE,
      schema: { params: numbered, body: answer, tags: ['change'], summary: 'yes or no to what a recovery asks' },
    },
    async ({ params, body }, reply) => {
      await client.answer(params.id, body.yes)
      return reply.code(204).send()
    },
  )
}

type App = ReturnType<typeof typed>
const typed = (app: FastifyInstance) => app.withTypeProvider<ZodTypeProvider>()

function addReads(app: App, client: Client): void {
  app.get(
    '/clusters',
    { config: READ, schema: { querystring: nothing, tags: ['look'], summary: 'all clusters, as last seen' } },
    () => client.clusters(),
  )
  app.get(
    '/clusters/:name',
    {
      config: READ,
      schema: { params: named, querystring: nothing, tags: ['look'], summary: 'one cluster, as last seen' },
    },
    ({ params }) => client.cluster(params.name),
  )
  app.get(
    '/clusters/:name/explain',
    {
      config: READ,
      schema: {
        params: named,
        querystring: nothing,
        tags: ['look'],
        summary: 'the verdict with its evidence, and why no other one',
      },
    },
    ({ params }) => client.explain(params.name),
  )
  app.get(
    '/clusters/:name/history',
    {
      config: READ,
      schema: { params: named, querystring: listing, tags: ['look'], summary: 'its recoveries, newest first' },
    },
    ({ params, query }) => client.history(params.name, query.limit),
  )
  app.get(
    '/recoveries/:id',
    {
      config: READ,
      schema: { params: numbered, querystring: nothing, tags: ['look'], summary: 'one recovery, from evidence to end' },
    },
    ({ params }) => client.recovery(params.id),
  )
}

function addOrders(app: App, client: Client): void {
  app.post(
    '/clusters/:name/pause',
    {
      config: CHANGE,
      schema: { params: named, body: pause, tags: ['order'], summary: 'nothing is done automatically for a while' },
    },
    async ({ params, body }, reply) => {
      await client.pause(params.name, body)
      return reply.code(204).send()
    },
  )
  app.post(
    '/clusters/:name/resume',
    { config: CHANGE, schema: { params: named, body: resume, tags: ['order'], summary: 'ends a pause' } },
    async ({ params }, reply) => {
      await client.resume(params.name)
      return reply.code(204).send()
    },
  )
  app.post(
    '/clusters/:name/forget',
    {
      config: CHANGE,
      schema: {
        params: named,
        body: forget,
        tags: ['order'],
        summary: 'a server that is gone is not looked for any more',
      },
    },
    async ({ params, body }, reply) => {
      await client.forget(params.name, body.server)
      return reply.code(204).send()
    },
  )
}
