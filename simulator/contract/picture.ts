/** How large a result is, and how the person is made to fit. */
export interface OutputSize {
  widthPx: number;
  heightPx: number;
  /**
   * `inside` keeps the person's proportions within the size; `cover` fills it exactly and cuts off
   * what is too much; `contain` fills it exactly and adds backdrop.
   */
  fit: 'inside' | 'cover' | 'contain';
}

/** What a result is saved as; also the end of its address. A film is always an `mp4`. */
export type PictureFormat = 'png' | 'jpeg' | 'webp' | 'mp4';

/** What becomes of a picture when nobody is dressed. */
export type Drawing =
  /** Its backdrop is made transparent. */
  | { kind: 'cut-out' }
  /** Its backdrop is made this colour. */
  | { kind: 'backdrop'; colour: string }
  /** Backdrop is added, as parts of its height and, on both sides, of its width. */
  | { kind: 'extension'; above: number; below: number; beside: number }
  /** All its colours are turned. */
  | { kind: 'recolouring'; degrees: number }
  /** It is made a film of so many seconds; a picture in the garments' place is what it ends in. */
  | { kind: 'film'; seconds: number };

/** An http(s) URL, a `data:` URI, or the picture's own bytes. */
export type ImageInput = string | Buffer;

/** What is wrong with one input image: it could not be had, or it is not a picture. */
export interface ImageProblem {
  kind: 'unreachable' | 'unreadable';
  message: string;
}
