/**
 * One try: a GET on one of undici's pools, whose answer goes to the verifier as it comes. Uses undici's
 * dispatch, as nothing here needs a stream or a promise a request, and one process is to ask thousands
 * of times a second.
 */
import type { Dispatcher } from 'undici'
import { codeOf } from '../../protocols/errors.ts'
import type { AnswerFields, Part, Verdict, Verifier } from './verifier.ts'

/** What a try came to. `error` is one of a closed set, for counting. */
export type Outcome = Verdict | { readonly kind: 'failed', readonly error: 'connect' | 'timeout' | 'closed' | 'malformed' | 'cut' }

const timeoutCodes: ReadonlySet<string | undefined> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
/** Sent on a connection that stood, and no answer came. */
const closedCodes: ReadonlySet<string | undefined> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

/** @param done called once, also where the request could not be sent */
export function ask (dispatcher: Dispatcher, path: string, part: Part | undefined, verifier: Verifier, done: (outcome: Outcome) => void): void {
  const headers = part === undefined ? undefined : ['range', `bytes=${part.start}-${part.end - 1}`]
  dispatcher.dispatch({ method: 'GET', path, headers }, {
    onRequestStart: () => {},
    onResponseStart: (_controller, status, fields) => { if (status >= 200) verifier.head(status, fields as AnswerFields) },
    onResponseData: (_controller, chunk) => { verifier.body(chunk) },
    onResponseEnd: () => { done(verifier.end()) },
    onResponseError: (_controller, error) => {
      const code = codeOf(error)
      done({
        kind: 'failed',
        error: timeoutCodes.has(code)
          ? 'timeout'
          : verifier.status !== 0
            ? 'cut'
            // Of undici's parser.
            : code?.startsWith('HPE_') === true ? 'malformed' : closedCodes.has(code) ? 'closed' : 'connect'
      })
    }
  })
}
