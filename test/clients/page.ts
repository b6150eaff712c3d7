/**
 * A page with one of everything that browsers load in their own way: style, script, picture, font, and a
 * film, of which a player asks for ranges. All are made here and valid, as a browser decodes them; the film
 * is plain sound, which every build of a browser can play.
 */
import { crc32, deflateSync } from 'node:zlib'
import type { TestOrigin } from '../support/origin.ts'
import { publish } from './published.ts'

/** Run in the page: waits until all is there, goes to the end of the film, and tells what came of each. */
export const look = `(async () => {
  await document.fonts.ready
  const film = document.querySelector('video')
  if (film.readyState === 0) await new Promise((resolve) => { film.onloadedmetadata = resolve })
  film.currentTime = film.duration - 3
  await new Promise((resolve) => { film.onseeked = resolve })
  return {
    script: document.title,
    style: getComputedStyle(document.querySelector('h1')).color,
    picture: document.querySelector('img').naturalWidth,
    fonts: [...document.fonts].map(({ status }) => status),
    film: film.duration
  }
})()`

/** What it tells when everything came right. */
export const looks = { script: 'script ran', style: 'rgb(1, 2, 3)', picture: 16, fonts: ['loaded'], film: 750 }

/** A document that is always asked about, pictures without a word of their lifetime, and the rest for a year. */
export function publishPage (origin: TestOrigin): void {
  const year = { 'cache-control': 'max-age=31536000, immutable' }
  const html = '<!doctype html><title>page</title><link rel="icon" href="picture.png"><link rel="stylesheet" href="style.css"><h1>A</h1><img src="picture.png"><video src="film.wav" preload="metadata"></video><script src="script.js"></script>'
  const css = '@font-face { font-family: block; src: url(font.ttf) } h1 { font-family: block; color: rgb(1, 2, 3) }'
  publish(origin, '/', Buffer.from(html), { type: 'text/html', fields: { 'cache-control': 'max-age=0' }, coded: true })
  publish(origin, '/style.css', Buffer.from(css), { type: 'text/css', fields: year, coded: true })
  publish(origin, '/script.js', Buffer.from('document.title = "script ran"'), { type: 'text/javascript', fields: year, coded: true })
  publish(origin, '/font.ttf', font(), { type: 'font/ttf', fields: year })
  publish(origin, '/picture.png', picture(16), { type: 'image/png' })
  publish(origin, '/film.wav', film(6_000_000), { type: 'audio/wav', fields: year })
}

/** A black square (PNG, one bit a pixel). */
function picture (side: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const named = Buffer.concat([Buffer.from(type), data])
    return Buffer.concat([words(0, data.byteLength), named, words(crc32(named) >>> 16, crc32(named) & 0xffff)])
  }
  const rows = Buffer.alloc(side * (1 + Math.ceil(side / 8)))
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.concat([words(0, side, 0, side), Buffer.from([1, 0, 0, 0, 0])])),
    chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))
  ])
}

/** Silence, 8,000 bytes a second (WAVE, PCM). */
function film (length: number): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF')
  head.writeUInt32LE(length + 36, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(8_000, 24)
  head.writeUInt32LE(8_000, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(length, 40)
  return Buffer.concat([head, Buffer.alloc(length, 128)])
}

/** A TrueType font whose A is a square; all its tables are made of 16-bit words (OpenType 1.9). */
function font (): Buffer {
  const date = [0, 0, 0, 0]
  const tables: Record<string, number[]> = {
    'OS/2': [0, 500, 400, 5, 0, ...Array<number>(27).fill(0), 65, 65, 800, 65336, 0, 800, 200],
    cmap: [0, 1, 3, 1, 0, 12, 4, 32, 0, 4, 4, 1, 0, 65, 65535, 0, 65, 65535, 65472, 1, 0, 0],
    glyf: [1, 0, 0, 500, 500, 3, 0, 0x0101, 0x0101, 0, 500, 0, 65036, 0, 0, 500, 0],
    head: [1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0, 1000, ...date, ...date, 0, 0, 500, 500, 0, 8, 2, 0, 0],
    hhea: [1, 0, 800, 65336, 0, 600, 0, 100, 500, 1, 0, 0, 0, 0, 0, 0, 0, 2],
    hmtx: [600, 0, 600, 0],
    loca: [0, 0, 17],
    maxp: [1, 0, 2, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0],
    name: [0, 0, 6],
    post: [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  }
  const names = Object.keys(tables)
  const directory = [words(1, 0, names.length, 128, 3, 32)]
  const bodies: Buffer[] = []
  let offset = 12 + 16 * names.length
  for (const name of names) {
    const body = words(...tables[name] ?? [])
    const padded = Buffer.concat([body, Buffer.alloc(-body.byteLength & 3)])
    let sum = 0
    for (let at = 0; at < padded.byteLength; at += 4) sum = (sum + padded.readUInt32BE(at)) >>> 0
    directory.push(Buffer.from(name), words(sum >>> 16, sum & 0xffff, 0, offset, 0, body.byteLength))
    bodies.push(padded)
    offset += padded.byteLength
  }
  return Buffer.concat([...directory, ...bodies])
}

function words (...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) out.writeUInt16BE(value, index * 2)
  return out
}
