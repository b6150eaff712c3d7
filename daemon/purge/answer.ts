/** The answer over HTTP to an order to purge, wherever it came in: its receipt, or a problem document (RFC 9457) that says what to do. */
import { PurgeKeyError, PurgeStoreError } from '../../protocols/purge/errors.ts'
import { SelectorError, purgeIdText } from '../../protocols/purge/selector.ts'
import { PurgeTooLargeError } from '../../protocols/purge/signed.ts'
import { jsonResponse } from '../admin/route.ts'
import type { EdgeResponse } from '../http/message.ts'
import { problem } from '../http/problem.ts'
import { PurgeRefusedError } from './orders.ts'
import type { Receipt } from './ports.ts'

/** A receipt as a document. */
export interface ReceiptDocument extends Omit<Receipt, 'id'> { readonly id: string }

export function receiptDocument (receipt: Receipt): ReceiptDocument {
  return { ...receipt, id: purgeIdText(receipt.id) }
}

/** The answer to an order, wherever it came in. */
export async function taken (purge: () => Promise<Receipt>): Promise<EdgeResponse> {
  try {
    return jsonResponse(200, receiptDocument(await purge()))
  } catch (error) {
    if (error instanceof SelectorError || error instanceof PurgeTooLargeError) return problem(400, undefined, error.message)
    if (error instanceof PurgeKeyError) return problem(409, undefined, error.message)
    if (error instanceof PurgeStoreError) return problem(503, undefined, error.message)
    if (!(error instanceof PurgeRefusedError)) throw error
    const refused = problem(429, undefined, error.message)
    return { ...refused, fields: [...refused.fields, ['retry-after', String(error.retryAfterS)]] }
  }
}
