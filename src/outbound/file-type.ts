/** A picture or video format that providers take or make. */
export interface FileType {
  readonly type: string;
  readonly extension: string;
}

const MP4: FileType = { type: 'video/mp4', extension: 'mp4' };
const AVIF: FileType = { type: 'image/avif', extension: 'avif' };
const HEIC: FileType = { type: 'image/heic', extension: 'heic' };

/** Told by their first bytes. */
const SIGNATURES = [
  { type: 'image/png', extension: 'png', starts: [0x89, 0x50, 0x4e, 0x47] },
  { type: 'image/jpeg', extension: 'jpg', starts: [0xff, 0xd8, 0xff] },
  { type: 'image/gif', extension: 'gif', starts: [0x47, 0x49, 0x46, 0x38] },
  { type: 'image/webp', extension: 'webp', starts: [0x57, 0x45, 0x42, 0x50], offset: 8 },
  // The brand after it tells what is in it: see BRANDS.
  { ...MP4, starts: [0x66, 0x74, 0x79, 0x70], offset: 4 },
] as const;

/**
 * Pictures in the same box as MP4, by their major brand (MP4 Registration Authority, "Brands", and
 * ISO/IEC 23008-12). ASSUMPTION, from memory and not read again: `mif1` and `msf1` are HEIC.
 */
const BRANDS: ReadonlyMap<string, FileType> = new Map([
  ...['avif', 'avis'].map((brand) => [brand, AVIF] as const),
  ...['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'].map(
    (brand) => [brand, HEIC] as const,
  ),
]);

/** What the bytes are, whatever a header says; undefined when it is none of the known formats. */
export function fileTypeOf(bytes: Buffer): FileType | undefined {
  const found = SIGNATURES.find((signature) => {
    const offset = 'offset' in signature ? signature.offset : 0;
    return signature.starts.every((byte, index) => bytes[offset + index] === byte);
  });
  const boxed = found?.type === MP4.type ? BRANDS.get(bytes.toString('latin1', 8, 12)) : undefined;
  return boxed ?? found;
}
