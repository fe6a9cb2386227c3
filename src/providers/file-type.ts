/** The picture and video formats that providers take and make, told by their first bytes. */
const SIGNATURES = [
  { type: 'image/png', extension: 'png', starts: [0x89, 0x50, 0x4e, 0x47] },
  { type: 'image/jpeg', extension: 'jpg', starts: [0xff, 0xd8, 0xff] },
  { type: 'image/gif', extension: 'gif', starts: [0x47, 0x49, 0x46, 0x38] },
  { type: 'image/webp', extension: 'webp', starts: [0x57, 0x45, 0x42, 0x50], offset: 8 },
  { type: 'video/mp4', extension: 'mp4', starts: [0x66, 0x74, 0x79, 0x70], offset: 4 },
] as const;

export interface FileType {
  readonly type: string;
  readonly extension: string;
}

/** What the bytes are, whatever a header says; undefined when it is none of the known formats. */
export function fileTypeOf(bytes: Buffer): FileType | undefined {
  return SIGNATURES.find((signature) => {
    const offset = 'offset' in signature ? signature.offset : 0;
    return signature.starts.every((byte, index) => bytes[offset + index] === byte);
  });
}
