/**
 * HTTP-date (RFC 9110 section 5.6.7): the three forms that a recipient must read, and the one that a
 * sender must write. Strict: case, spaces, zone and the existence of the day are checked, as a date
 * that cannot be read must count as no date (an invalid Expires is a past one).
 */
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const month = `(${months.join('|')})`
const time = '(\\d\\d):(\\d\\d):(\\d\\d)'
const imfFixdate = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\\d\\d) ${month} (\\d{4}) ${time} GMT$`)
const rfc850Date = new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\\d\\d)-${month}-(\\d\\d) ${time} GMT$`)
const asctimeDate = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${month} ([ \\d]\\d) ${time} (\\d{4})$`)

/** Where a two-digit year is looked for when the caller has no better moment: the start of 2026. */
const referenceDefaultMs = Date.UTC(2026, 0)

/**
 * The day's name is read but not checked against the date: it says nothing that the date does not.
 *
 * @param referenceMs about now; decides the century of a two-digit year, which lies at most 50 years
 *        ahead of it
 * @returns milliseconds since the Unix epoch, or undefined when `value` is not an HTTP-date
 */
export function parseHttpDate (value: string | undefined, referenceMs = referenceDefaultMs): number | undefined {
  if (value === undefined) return undefined
  let match = imfFixdate.exec(value)
  if (match !== null) return moment(Number(match[3]), match[2], match[1], match.slice(4, 7))
  match = rfc850Date.exec(value)
  if (match !== null) return moment(fullYear(Number(match[3]), referenceMs), match[2], match[1], match.slice(4, 7))
  match = asctimeDate.exec(value)
  if (match !== null) return moment(Number(match[6]), match[1], match[2], match.slice(3, 6))
  return undefined
}

let formattedSecond = NaN
let formatted = ''

/** IMF-fixdate of the second that `ms` lies in. The last answer is kept: most are asked within one second. */
export function formatHttpDate (ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== formattedSecond) {
    formatted = new Date(second * 1000).toUTCString()
    formattedSecond = second
  }
  return formatted
}

/** The second 60 is a leap second and reads as the next minute's start, as clocks without them show it. */
function moment (year: number, monthName: string | undefined, day: string | undefined, clock: readonly string[]): number | undefined {
  const [hour, minute, second] = clock.map(Number) as [number, number, number]
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const midnight = new Date(Date.UTC(year, months.indexOf(monthName ?? ''), Number(day)))
  // A day that does not exist (30 February) rolls over into the next month; years below 100 into 19xx.
  if (midnight.getUTCDate() !== Number(day) || midnight.getUTCFullYear() !== year) return undefined
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000
}

/** More than 50 years ahead means the last year in the past that ends so. */
function fullYear (twoDigits: number, referenceMs: number): number {
  const now = new Date(referenceMs).getUTCFullYear()
  const year = now - (now % 100) + twoDigits
  if (year > now + 50) return year - 100
  return year <= now - 50 ? year + 100 : year
}
