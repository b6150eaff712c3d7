/** The size that every scenario has unless the command line says otherwise: small enough for many seeds, and with everything in it. */
import type { Sizes } from '../world/scenario.ts'

export const smallSizes: Sizes = Object.freeze({ edges: 25, cities: 5, objects: 5_000, requests: 10_000, hours: 1 })
