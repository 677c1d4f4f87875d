// The chunk layer of PNG (ISO/IEC 15948, clause 5): walks and checks the file before anything is
// decoded, so that a lie about its size costs nothing.
import { StegoError } from '../errors.js';
import { crc32 } from './crc.js';

/** The eight bytes that every PNG begins with. */
export const PNG_SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** What the IHDR chunk says. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colourType: number;
  readonly interlaced: boolean;
}

/** A checked PNG: its header, its compressed data and the names of all its chunks. */
export interface PngFile {
  readonly header: PngHeader;
  readonly data: readonly Uint8Array[];
  readonly dataBytes: number;
  readonly chunkTypes: readonly string[];
}

function corrupt(message: string): StegoError {
  return new StegoError('CORRUPT_IMAGE', `not an intact PNG: ${message}`);
}

/** True when `bytes` begin like a PNG. */
export function looksLikePng(bytes: Uint8Array): boolean {
  return PNG_SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads all chunks up to IEND and checks each CRC.
 * @param maxPixels - larger images are refused before any memory is set aside for them
 * @throws StegoError CORRUPT_IMAGE, UNSUPPORTED_IMAGE, IMAGE_TOO_LARGE
 */
export function parsePng(bytes: Uint8Array, maxPixels: number): PngFile {
  if (!looksLikePng(bytes)) {
    throw new StegoError('UNSUPPORTED_IMAGE', 'the file is not a PNG image');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunkTypes: string[] = [];
  const data: Uint8Array[] = [];
  let header: PngHeader | undefined;
  let offset = PNG_SIGNATURE.length;
  for (;;) {
    if (offset + 12 > bytes.length) throw corrupt('it is cut short');
    const length = view.getUint32(offset);
    const end = offset + 12 + length;
    if (end > bytes.length) throw corrupt('it is cut short');
    const crc = crc32(bytes.subarray(offset + 4, end - 4));
    if (crc !== view.getUint32(end - 4)) throw corrupt('a chunk fails its check sum');
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    const body = bytes.subarray(offset + 8, end - 4);
    if ((type === 'IHDR') !== (chunkTypes.length === 0)) throw corrupt('its header is misplaced');
    if (type === 'IHDR') header = parseHeader(body, maxPixels);
    if (type === 'IDAT') data.push(body);
    chunkTypes.push(type);
    offset = end;
    if (type === 'IEND') break;
  }
  if (header === undefined || data.length === 0) throw corrupt('it has no image data');
  const dataBytes = data.reduce((sum, part) => sum + part.length, 0);
  requirePlausible(header, dataBytes);
  return { header, data, dataBytes, chunkTypes };
}

const BIT_DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

function parseHeader(body: Uint8Array, maxPixels: number): PngHeader {
  if (body.length !== 13) throw corrupt('its header has a wrong length');
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  const [bitDepth = 0, colourType = 0, compression, filter, interlace = 0] = body.subarray(8);
  if (width === 0 || height === 0) throw corrupt('it has no pixels');
  if (!(BIT_DEPTHS[colourType] ?? []).includes(bitDepth))
    throw corrupt('its colour type is unknown');
  if (compression !== 0 || filter !== 0 || interlace > 1) throw corrupt('its methods are unknown');
  if (width * height > maxPixels) {
    throw new StegoError('IMAGE_TOO_LARGE', `the image has more than ${maxPixels} pixels`, {
      width,
      height,
    });
  }
  return { width, height, bitDepth, colourType, interlaced: interlace === 1 };
}

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Deflate cannot shrink by more than 1032 : 1, so a tiny file that claims a huge image lies. */
function requirePlausible(header: PngHeader, dataBytes: number): void {
  const bitsPerPixel = (CHANNELS[header.colourType] ?? 1) * header.bitDepth;
  const rawBytes = Math.ceil((header.width * bitsPerPixel) / 8) * header.height;
  if (rawBytes > dataBytes * 1032 + 4096) throw corrupt('it is too short for its dimensions');
}
