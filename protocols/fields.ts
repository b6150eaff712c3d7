/**
 * HTTP fields as Colony carries them from the socket to the store and between peers: a list of
 * pairs in the order received, names in lower case, repeated fields kept apart (RFC 9110 section 5.3
 * lets a recipient join them; Set-Cookie must not be joined).
 */
export type Field = readonly [name: string, value: string]
export type Fields = readonly Field[]

/** All values of `name` joined by `, ` (RFC 9110 section 5.2), or undefined when the field is absent. */
export function fieldValue (fields: Fields, name: string): string | undefined {
  let value: string | undefined
  for (const [key, each] of fields) {
    if (key === name) value = value === undefined ? each : `${value}, ${each}`
  }
  return value
}

export function hasField (fields: Fields, name: string): boolean {
  return fields.some(([key]) => key === name)
}

/** The fields but those named. */
export function withoutFields (fields: Fields, ...names: readonly string[]): Field[] {
  return fields.filter(([key]) => !names.includes(key))
}

/** The fields with `name` replaced, or added at the end. */
export function withField (fields: Fields, name: string, value: string): Field[] {
  return [...withoutFields(fields, name), [name, value]]
}

/** Pairs from node's or undici's flat list `[name, value, name, value, …]`. */
export function fieldsFromRaw (raw: readonly (string | Buffer)[]): Field[] {
  const fields: Field[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    fields.push([text(raw[at]).toLowerCase(), text(raw[at + 1])])
  }
  return fields
}

function text (value: string | Buffer | undefined): string {
  return typeof value === 'string' ? value : value?.toString('latin1') ?? ''
}
