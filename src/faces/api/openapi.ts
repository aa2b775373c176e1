import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform } from 'fastify-type-provider-zod'

const DESCRIPTION =
  'Reads are GET and need no token from this host; changes are POST with `Authorization: Bearer <token>`. ' +
  'Every answer that is not a 2xx is `{code, says, tryThis, exit}`.'

/** Registered before the routes: it gathers them as they are added. */
export async function addOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Regent', version, description: DESCRIPTION },
      tags: [{ name: 'look' }, { name: 'change' }, { name: 'order' }, { name: 'events' }, { name: 'health' }],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig: { unrepresentable: 'any' } }),
  })
}
