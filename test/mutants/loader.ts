/**
 * A module hook that puts a mutant's mistake into its file while that is loaded: `node --import ./test/mutants/loader.ts`, with
 * the mutant's name in the environment. Node strips the types afterwards, as it does of every file.
 */
import { registerHooks } from 'node:module'
import { allMutants } from './list/index.ts'
import { mutantVariable, mutated } from './mutant.ts'

const name = process.env[mutantVariable]
if (name !== undefined) {
  const mutant = allMutants.find((each) => each.name === name)
  if (mutant === undefined) throw new Error(`there is no mutant ${name}`)
  const target = new URL(`../../${mutant.file}`, import.meta.url).href
  let isLoaded = false
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context)
      if (url !== target) return loaded
      isLoaded = true
      return { ...loaded, source: mutated(mutant, Buffer.from(loaded.source as Uint8Array).toString('utf8')) }
    }
  })
  process.once('exit', () => {
    // A mistake in what nobody loads would be looked for in vain.
    if (!isLoaded) process.exitCode = 70
  })
}
