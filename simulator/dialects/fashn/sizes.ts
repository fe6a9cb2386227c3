import type { OutputSize } from '../../contract/picture.ts';

// Facts: the tables in the input types of FASHN's official TypeScript client (fashn 0.11.1), and
// "Try-On v1.6", read 2026-11-20.

/** What about a million pixels are in each shape; `model-create`, and ASSUMPTION `product-to-model`. */
const CANVASES = {
  '1:1': [1024, 1024],
  '2:3': [832, 1248],
  '3:4': [880, 1176],
  '4:5': [912, 1144],
  '5:4': [1144, 912],
  '4:3': [1176, 880],
  '3:2': [1176, 784],
  '16:9': [1360, 768],
  '9:16': [760, 1360],
} as const;
/** Newer than that table. ASSUMPTION: its size. */
const WIDEST = { '21:9': [1568, 672] } as const;
const SHAPES = { ...CANVASES, ...WIDEST };
type CanvasRatio = keyof typeof CANVASES;

/** `reframe` has a table of its own, which differs in two shapes. */
const REFRAMES: ReadonlyMap<string, readonly [number, number]> = new Map(
  Object.entries({ ...CANVASES, '3:2': [1248, 832], '16:9': [1360, 760] }),
);

const box = (px: number): OutputSize => ({ widthPx: px, heightPx: px, fit: 'inside' });

/** How large each model's pictures are. */
export const SIZES = {
  tryOn: { widthPx: 864, heightPx: 1296, fit: 'cover' } satisfies OutputSize,
  /** The proportions of the input, within a square. ASSUMPTION: which square. */
  within: { '1k': box(1024), '2k': box(2048), '4k': box(4096) },
  canvasRatios: Object.keys(CANVASES) as CanvasRatio[], // Object.keys forgets the names it gives
  ratios: Object.keys(SHAPES) as (keyof typeof SHAPES)[], // as above
  /** In a shape that is asked for, or in the input's own. Documented: about 1, 4 and 16 million pixels. */
  shaped(ratio: keyof typeof SHAPES | undefined, resolution: '1k' | '2k' | '4k'): OutputSize {
    if (ratio === undefined) return this.within[resolution];
    const [width, height] = SHAPES[ratio];
    const scale = { '1k': 1, '2k': 2, '4k': 4 }[resolution];
    return { widthPx: width * scale, heightPx: height * scale, fit: 'contain' };
  },
  /** A canvas of its own shape. ASSUMPTION: 4k is four times as high and wide. */
  canvas(ratio: CanvasRatio, resolution: '1k' | '4k'): OutputSize {
    const [width, height] = CANVASES[ratio];
    const scale = resolution === '4k' ? 4 : 1;
    return { widthPx: width * scale, heightPx: height * scale, fit: 'contain' };
  },
  reframeRatios: [...REFRAMES.keys()].join(', '),
  /** Undefined for a shape that `reframe` does not know. */
  reframed(ratio: string): OutputSize | undefined {
    const [widthPx, heightPx] = REFRAMES.get(ratio) ?? [];
    if (widthPx === undefined || heightPx === undefined) return undefined;
    return { widthPx, heightPx, fit: 'contain' };
  },
} as const;
