/** The ports played by a model of replication, a virtual clock, and an adversary who ends processes at any call. */
export { virtualClock } from './clock.ts'
export { type Ending, Life } from './life.ts'
export { RegentProcess } from './process.ts'
export { seededRandom } from './random.ts'
export { A_SCENE, Scene, type SceneOptions } from './scene.ts'
export type { ModelServer } from './server.ts'
export { Timeline } from './timeline.ts'
export { Universe } from './universe.ts'
