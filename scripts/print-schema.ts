/** Prints `schema/regent.schema.json`, the published JSON Schema of the configuration, from the schema that judges it. */
import { writeFileSync } from 'node:fs'
import { publishedSchema } from '../src/config/schema.ts'

export const SCHEMA_PATH = new URL('../schema/regent.schema.json', import.meta.url)

export const schemaText = (): string => `${JSON.stringify(publishedSchema(), null, 2)}\n`

if (import.meta.main) writeFileSync(SCHEMA_PATH, schemaText())
